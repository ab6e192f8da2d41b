"""Small function apps that the host tests run."""
