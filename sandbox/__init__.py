"""Development surroundings of the product: strict stand-ins, a local Functions host and the demo. Never deployed."""
