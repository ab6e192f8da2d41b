"""A local Azure Functions host on the real Python runtime."""
