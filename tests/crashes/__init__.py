"""Tests of the drill in which the functions die."""
