"""The bench measures what it says, in a small size."""
