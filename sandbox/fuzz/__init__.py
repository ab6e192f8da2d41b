"""Hostile deliveries against the hooks, through the functions on the real runtime."""
