"""Reconciliation of books that the real engine made between the two stand-ins."""
