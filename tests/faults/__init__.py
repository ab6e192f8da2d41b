"""Tests of what becomes of work when something fails, comes late, twice or not at all."""
