"""What the engine needs from outside, as protocols. Adapters implement them; tests may too."""
