"""Builds ConnectWise condition texts; every value passes here, so that none can change a condition."""

from datetime import UTC, datetime


def text(value: str) -> str:
    """A quoted string literal. A literal ``[`` must be doubled up, a quote escaped (connectwise.md 2.3)."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("[", "[[]")
    return f'"{escaped}"'


def moment(value: datetime) -> str:
    """A time literal: whole seconds in UTC."""
    return f"[{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}]"


def changed_since(value: datetime) -> str:
    """Records changed after the moment; ``lastUpdated`` can be asked of every entity."""
    return f"lastUpdated > {moment(value)}"
