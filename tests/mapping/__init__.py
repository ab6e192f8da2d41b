"""Tests of the field-mapping engine."""
