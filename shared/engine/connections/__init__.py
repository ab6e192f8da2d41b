"""Connections: one ConnectWise site with one Business Central company, their documents, and which records go where."""
