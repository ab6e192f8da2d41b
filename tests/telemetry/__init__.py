"""Tests of the local Functions host, against real queue storage in Azurite."""
