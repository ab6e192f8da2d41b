"""Reconciliation: proves that both systems say the same, finds where they do not, and plans the repair.

It sits beside the engine. Entities know nothing of it: what it compares follows from their declarations.
"""
