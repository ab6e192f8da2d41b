"""What every entity promises, proved against both stand-ins over HTTP and the storage emulator."""
