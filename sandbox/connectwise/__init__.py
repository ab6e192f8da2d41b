"""A strict stand-in for the ConnectWise PSA REST API."""
