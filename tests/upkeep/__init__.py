"""What takes rows away: old history, and all of a connection."""
