"""Business Central over its web services: API v2.0 and the analytics API."""
