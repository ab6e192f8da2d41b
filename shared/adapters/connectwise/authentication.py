"""How calls to ConnectWise prove who they are: an API member's keys and the integration's client id."""

import base64
from dataclasses import dataclass

from shared.adapters.http import Headers
from shared.ports.platform import Secrets
from shared.settings import ConnectWiseSettings


@dataclass(slots=True)
class ConnectWiseAuthorization:
    """Basic authentication as ``company+publickey`` with the header ``clientId`` (developer guide)."""

    settings: ConnectWiseSettings
    secrets: Secrets

    async def __call__(self, refused: Headers | None) -> Headers:
        """The headers of a call; ``refused`` ones make it read the keys again."""
        if refused is not None:
            self.secrets.forget()
        public = await self.secrets.get("CONNECTWISE_PUBLIC_KEY")
        private = await self.secrets.get("CONNECTWISE_PRIVATE_KEY")
        text = base64.b64encode(f"{self.settings.company}+{public}:{private}".encode()).decode()
        return {"Authorization": f"Basic {text}", "clientId": self.settings.client_id}
