"""What it costs to run: the tables of docs/cost.md from prices, from the repository and from what was counted."""
