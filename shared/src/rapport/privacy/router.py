"""What profile-service asks of every other service: give out, and erase, what you hold of these identities."""

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from rapport.auth import needs
from rapport.database import Reading, Storage
from rapport.privacy.erasing import Erasing, erase
from rapport.privacy.holdings import Person, export
from rapport.routing import service_router
from rapport.text import CleanText

_Ids = Annotated[list[UUID], Field(max_length=10_000)]


class ExportBody(BaseModel):
    """Whose data."""

    model_config = ConfigDict(extra="forbid")

    identities: _Ids
    profiles: _Ids = []


class ExportAnswer(BaseModel):
    """Everything that this service holds: rows by the table that holds them."""

    service: str
    sections: dict[str, list[dict[str, Any]]]


class ErasureBody(BaseModel):
    """Whom to erase; `shared` identities are somebody else's as well, `values` are texts to look for without an id."""

    model_config = ConfigDict(extra="forbid")

    request_id: UUID
    round: Annotated[int, Field(ge=1, le=1_000)] = 1
    identities: _Ids
    shared: _Ids = []
    profiles: _Ids = []
    values: Annotated[list[Annotated[CleanText, StringConstraints(min_length=1)]], Field(max_length=10_000)] = []


class ErasureAnswer(BaseModel):
    """What was taken out in this round, by table; empty when there was nothing (more)."""

    service: str
    counts: dict[str, int]


def privacy_router(service: str, erasing_of: Callable[[Request], Erasing]) -> APIRouter:
    """The two calls of a service."""
    router = service_router("privacy", prefix="/v1/privacy", problems=(409,))

    @router.post(
        "/exports",
        dependencies=[needs("privacy")],
        responses={200: {"model": ExportAnswer}},
        response_class=Response,
    )
    async def exports(body: ExportBody, request: Request, connection: Reading) -> Response:
        """All that this service holds of a person, by their identities."""
        person = Person(body.identities, profiles=body.profiles)
        sections = await export(connection, person, erasing_of(request).holdings)
        answer = {"service": service, "sections": sections}
        return Response(msgspec.json.encode(answer), media_type="application/json")

    @router.post("/erasures", dependencies=[needs("privacy")])
    async def erasures(body: ErasureBody, request: Request, storage: Storage) -> ErasureAnswer:
        """Erase a person by their identities; the same round of the same request is done once."""
        person = Person(body.identities, body.shared, body.profiles, body.values)
        counts = await erase(storage, body.request_id, body.round, person, erasing_of(request))
        return ErasureAnswer(service=service, counts=counts)

    return router
