"""A local Functions host: runs a Python v2-model app on the pinned Azure runtime, without Azure and without docker."""
