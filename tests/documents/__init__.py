"""What happens to documents beyond arriving: links between them, settlement, decisions, dimensions, expenses."""
