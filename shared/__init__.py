"""The parts of DynaConnect that its functions share."""
