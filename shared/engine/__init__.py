"""The sync engine: a hint becomes a lease, a fresh read, a plan, its application and a record of it."""
