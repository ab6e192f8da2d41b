"""Thousands of made-up documents and edits through the real engine, with what must become of each."""
