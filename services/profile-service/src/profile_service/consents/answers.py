"""The check's answer as bytes: a thousand items are validated by nobody."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from fastapi import Response

from profile_service.consents.rules import GRANTED, Reason

_SOURCE = ("kind", "status", "source", "lawful_basis", "registry", "jurisdiction", "at", "expires_at")


def checked(found: Sequence[tuple[UUID, Reason]], sources: Mapping[UUID, Sequence[asyncpg.Record]] | None) -> Response:
    """One item for each customer, in the order asked."""

    def item(profile_id: UUID, reason: Reason) -> dict[str, Any]:
        why = None
        if sources is not None:
            why = [{name: row[name] for name in _SOURCE} for row in sources.get(profile_id, ())]
        return {"profile_id": profile_id, "allowed": reason == GRANTED, "reason": reason, "sources": why}

    return Response(msgspec.json.encode({"items": [item(*each) for each in found]}), media_type="application/json")
