"""Short versions of the long runs: events with faults, hostile deliveries, and a search for secrets."""
