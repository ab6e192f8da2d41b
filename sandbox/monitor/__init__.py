"""A stand-in for the place that telemetry is sent to in Azure: it keeps what arrives, as the rows that queries read."""
