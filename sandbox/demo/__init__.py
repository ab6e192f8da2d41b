"""A working day played from start to end, with every figure read from the two systems themselves."""
