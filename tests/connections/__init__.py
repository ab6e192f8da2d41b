"""Several companies of Business Central and several ConnectWise sites in one app."""
