"""Links that only we can have made: what they name and our signature on it; and secrets made at first start."""

import base64
import binascii
import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Final

from pydantic import SecretStr
from sqlalchemy import Column, DateTime, LargeBinary, MetaData, Table, Text, func

from rapport.database import Database

_SIGNATURE: Final = 16
_KEEP = "INSERT INTO secret (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING"
_READ = "SELECT value FROM secret WHERE name = $1"


class Signer:
    """Makes and reads tokens: a payload and 16 bytes of HMAC-SHA256 over purpose and payload, in URL-safe base64."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def token(self, purpose: str, payload: bytes) -> str:
        """The token of a payload; a token made for one purpose is none for another."""
        return base64.urlsafe_b64encode(payload + self._signature(purpose, payload)).decode().rstrip("=")

    def payload(self, purpose: str, token: str) -> bytes | None:
        """What a token names, None for a token that we did not make for this purpose."""
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        payload, signature = raw[:-_SIGNATURE], raw[-_SIGNATURE:]
        return payload if hmac.compare_digest(signature, self._signature(purpose, payload)) else None

    def expiring_token(self, purpose: str, payload: bytes, expires_at: datetime) -> str:
        """The token of a payload that is nothing any more after `expires_at`."""
        return self.token(purpose, int(expires_at.timestamp()).to_bytes(5) + payload)

    def unexpired_payload(self, purpose: str, token: str, now: datetime) -> bytes | None:
        """What an expiring token names, None also when its time is over."""
        raw = self.payload(purpose, token)
        if raw is None or len(raw) < 5 or int.from_bytes(raw[:5]) < now.timestamp():
            return None
        return raw[5:]

    def _signature(self, purpose: str, payload: bytes) -> bytes:
        return hmac.digest(self._secret, purpose.encode() + payload, hashlib.sha256)[:_SIGNATURE]


def secret_table(metadata: MetaData) -> Table:
    """The table of secrets made at first start, so that what they signed holds after a restart."""
    return Table(
        "secret",
        metadata,
        Column("name", Text, primary_key=True),
        Column("value", LargeBinary, nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    )


async def secret_of(database: Database, name: str, configured: SecretStr | None) -> bytes:
    """The secret of the settings, else the one in the database, made at the first start."""
    if configured is not None:
        return configured.get_secret_value().encode()
    async with database.transaction() as connection:
        await connection.execute(_KEEP, name, secrets.token_bytes(32))
        value: bytes = await connection.fetchval(_READ, name)
    return value
