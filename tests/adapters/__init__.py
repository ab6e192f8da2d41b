"""Tests of the adapters against real parts."""
