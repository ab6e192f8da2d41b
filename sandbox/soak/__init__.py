"""A long run through the local host, some calls failing: is anything lost, done twice, or kept in memory."""
