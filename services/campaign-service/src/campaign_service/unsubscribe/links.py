"""Links that only we can have made: they name a send and carry its signature."""

from typing import Final
from uuid import UUID

from rapport.database import Database
from rapport.signing import Signer, secret_of

from campaign_service.settings import CampaignSettings

_PURPOSE: Final = "unsubscribe"


class Links:
    """Makes and reads tokens of sends."""

    def __init__(self, secret: bytes, public_url: str) -> None:
        self._signer = Signer(secret)
        self._public_url = public_url.rstrip("/")

    def token(self, send_id: UUID) -> str:
        """The token of a send."""
        return self._signer.token(_PURPOSE, send_id.bytes)

    def send_id(self, token: str) -> UUID | None:
        """The send that a token names, None for a token that we did not make."""
        payload = self._signer.payload(_PURPOSE, token)
        return UUID(bytes=payload) if payload is not None and len(payload) == 16 else None

    def unsubscribe_url(self, send_id: UUID) -> str:
        """Where the reader of a message unsubscribes."""
        return f"{self._public_url}/u/{self.token(send_id)}"


async def open_links(database: Database, settings: CampaignSettings) -> Links:
    """With the secret of the settings, else the one in the database, made at the first start."""
    return Links(await secret_of(database, "links", settings.link_secret), settings.public_url)
