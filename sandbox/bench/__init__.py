"""Measures the product between its stand-ins: ``python -m sandbox.bench``."""
