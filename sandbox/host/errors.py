"""The one error of this package that ends the host: a fault in the app or in its configuration."""


class HostError(Exception):
    """The app cannot run as it stands; the message is one line for the person who has to mend it."""
