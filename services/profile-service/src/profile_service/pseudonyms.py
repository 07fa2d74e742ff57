"""Remembering an identifier without keeping it: a keyed hash that only the holder of the key can match again."""

import hashlib
import hmac
from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Request

# HMAC-SHA256 spelled out, so that PostgreSQL, which has no hmac() without pgcrypto, computes the same for a whole set.
DIGEST_SQL: Final = "sha256({outer} || sha256({inner} || uuid_send({identity})))"
_BLOCK: Final = 64


class Pseudonyms:
    """HMAC-SHA256 (RFC 2104) over the 16 bytes of an identity id.

    An identity id is an unkeyed hash, which anybody can compute for an address they guess; this one needs the key.
    """

    def __init__(self, key: bytes) -> None:
        block = (key if len(key) <= _BLOCK else hashlib.sha256(key).digest()).ljust(_BLOCK, b"\0")
        self._key = key
        self.inner = bytes(byte ^ 0x36 for byte in block)
        self.outer = bytes(byte ^ 0x5C for byte in block)

    def of(self, identity_id: UUID) -> bytes:
        """The 32 bytes that stand for an identity."""
        return hmac.digest(self._key, identity_id.bytes, hashlib.sha256)


async def pseudonyms_of(request: Request) -> Pseudonyms:
    """The keyed hash of the application that answers."""
    pseudonyms: Pseudonyms = request.app.state.pseudonyms
    return pseudonyms


Pseudonymous = Annotated[Pseudonyms, Depends(pseudonyms_of)]
