"""Storage of its own for each test, in the one emulator of the test process."""

import uuid
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, settings

from sandbox.azurite import Azurite
from shared.adapters.storage.clients import SETTING, StorageClients, open_storage

# Generated examples may take their time on a busy machine.
settings.register_profile("calm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("calm")


@pytest.fixture
async def storage(azurite: Azurite) -> AsyncIterator[StorageClients]:
    """Tables and queues that no other test sees."""
    clients = open_storage({SETTING: azurite.connection_string()}, prefix="t" + uuid.uuid4().hex[:16])
    await clients.prepare()
    yield clients
    await clients.close()
