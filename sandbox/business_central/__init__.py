"""A strict stand-in for the Business Central web services."""
