"""Tests of the values and rules that know no system."""
