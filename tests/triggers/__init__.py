"""Tests of the functions through the real runtime."""
