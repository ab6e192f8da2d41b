"""The outside world behind the ports: ConnectWise, Business Central, storage, secrets."""
