"""The fault matrix: every fault at every endpoint that the product calls, and what became of the record."""
