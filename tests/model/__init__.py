"""A short version of the model."""
