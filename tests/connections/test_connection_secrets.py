"""The names of a connection's secrets, in settings and in Key Vault."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Final, cast

from shared.adapters.secrets import ConnectionSecrets, EnvironmentSecrets, KeyVaultSecrets
from shared.settings import Settings
from tests.domain.support import SETTINGS

END: Final = datetime(2027, 1, 31, tzinfo=UTC)


class Vault:
    """A Key Vault client that notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def get_secret(self, name: str) -> SimpleNamespace:
        self.asked.append(name)
        return SimpleNamespace(value=f"value of {name}", properties=SimpleNamespace(expires_on=END))


async def test_key_vault_has_a_connections_secrets_under_its_name() -> None:
    vault = Vault()
    secrets = KeyVaultSecrets(cast("Any", vault))
    assert await secrets.get("CONNECTWISE_PUBLIC_KEY") == "value of connectwise-public-key"
    own = ConnectionSecrets(secrets, "north-east")
    assert await own.get("BUSINESS_CENTRAL_PASSWORD") == "value of north-east-business-central-password"
    await own.get("BUSINESS_CENTRAL_PASSWORD")
    assert await own.expires("BUSINESS_CENTRAL_PASSWORD") == END
    assert len(vault.asked) == 2
    own.forget()
    await own.get("BUSINESS_CENTRAL_PASSWORD")
    assert len(vault.asked) == 3


async def test_settings_have_them_under_its_name_too() -> None:
    read = Settings.read(
        SETTINGS
        | {"NORTH_EAST__CONNECTWISE_PUBLIC_KEY": "north", "NORTH_EAST__PATH": "no secret", "A__B": "nothing"}
    )
    secrets = ConnectionSecrets(EnvironmentSecrets(read.secrets_in_settings), "north-east")
    assert await secrets.get("CONNECTWISE_PUBLIC_KEY") == "north"
    assert "NORTH_EAST__PATH" not in read.secrets_in_settings
    assert "north" not in repr(read)
