"""The shape of the code: who imports whom, what the runtime finds, what an entity costs."""
