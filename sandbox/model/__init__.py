"""A model of two ledgers: random people on both sides, random trouble, and rules that hold after every step."""
