"""The infrastructure and its checks."""
