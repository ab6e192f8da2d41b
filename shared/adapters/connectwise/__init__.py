"""ConnectWise PSA over its REST API."""
