"""Imported once by the server from which workers are forked: makes it ready."""

from sandbox.crashes.worker import warm

warm()
