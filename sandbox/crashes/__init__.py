"""Lets the functions die at every await and around every write, and compares where that ends."""
