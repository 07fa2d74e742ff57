"""Links that only we can have made: they name a send and carry its signature."""

import base64
import binascii
import hashlib
import hmac
import secrets
from uuid import UUID

from rapport.database import Database

from campaign_service.settings import CampaignSettings

_SIGNATURE = 16
_KEEP = "INSERT INTO secret (name, value) VALUES ('links', $1) ON CONFLICT DO NOTHING"
_READ = "SELECT value FROM secret WHERE name = 'links'"


class Links:
    """Makes and reads tokens: 16 bytes of send id, 16 of HMAC-SHA256, in URL-safe base64."""

    def __init__(self, secret: bytes, public_url: str) -> None:
        self._secret = secret
        self._public_url = public_url.rstrip("/")

    def token(self, send_id: UUID) -> str:
        """The token of a send."""
        return base64.urlsafe_b64encode(send_id.bytes + self._signature(send_id)).decode().rstrip("=")

    def send_id(self, token: str) -> UUID | None:
        """The send that a token names, None for a token that we did not make."""
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        if len(raw) != 16 + _SIGNATURE:
            return None
        send_id = UUID(bytes=raw[:16])
        return send_id if hmac.compare_digest(raw[16:], self._signature(send_id)) else None

    def unsubscribe_url(self, send_id: UUID) -> str:
        """Where the reader of a message unsubscribes."""
        return f"{self._public_url}/u/{self.token(send_id)}"

    def _signature(self, send_id: UUID) -> bytes:
        return hmac.digest(self._secret, b"unsubscribe" + send_id.bytes, hashlib.sha256)[:_SIGNATURE]


async def open_links(database: Database, settings: CampaignSettings) -> Links:
    """With the secret of the settings, else the one in the database, made at the first start."""
    if settings.link_secret is not None:
        return Links(settings.link_secret.get_secret_value().encode(), settings.public_url)
    async with database.transaction() as connection:
        await connection.execute(_KEEP, secrets.token_bytes(32))
        value: bytes = await connection.fetchval(_READ)
    return Links(value, settings.public_url)
