"""The whole app as Azure runs it: by its identity alone."""
