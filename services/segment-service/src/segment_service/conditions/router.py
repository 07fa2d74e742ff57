"""The rule language as a schema."""

from typing import Any

import msgspec
from fastapi import Response
from rapport.auth import needs
from rapport.routing import service_router

from segment_service.conditions.schema import rule_schema

router = service_router("rules", problems=())

_SCHEMA = msgspec.json.encode(rule_schema())


@router.get("/rules/schema", dependencies=[needs("segments:read")], response_model=dict[str, Any])
async def read_rule_schema() -> Response:
    """The rule language as a JSON Schema (2020-12)."""
    return Response(_SCHEMA, media_type="application/json")
