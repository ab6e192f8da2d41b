"""Tests of the engine's own rules."""
