"""One customer's standing."""

from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import TypeAdapter, ValidationError
from rapport.auth import needs
from rapport.database import Reading, database_of
from rapport.errors import Invalid
from rapport.pagination import Cursor, Limit, Page
from rapport.routing import hot, service_router

from segment_service.pyramid.schemas import Moment
from segment_service.standing import service
from segment_service.standing.schemas import Standing, StandingChangeOut

router = service_router("standing", problems=(404,))
_MOMENT: Final = TypeAdapter[datetime](Moment)


@router.get(
    "/profiles/{profile_id}/standing",
    dependencies=[needs("segments:read")],
    response_class=Response,
    responses={200: {"model": Standing}},
)
@hot
async def read_standing(
    request: Request,
    profile_id: UUID,
    as_of: Annotated[
        Moment | None,
        Query(description="A past time, or a date for its end in UTC: by what is known today of orders up to then"),
    ] = None,
) -> Response:
    """All that is known of the customer's value and stage now; a merged id answers with the survivor.

    With `as_of`, what orders and contacts up to then say, with the class and scores that a ranking of everybody at
    that time gives; parts that are not made of orders and contacts are as they are now.
    """
    state = request.app.state
    pool = database_of(request).pool
    # Asked at every contact: prepared SQL on the pool and bytes out, no session and no response model.
    if request.scope["query_string"] and (as_of := as_of or _asked(request)) is not None:
        current, body = await service.standing_as_of(
            pool, state.store, state.engine, state.settings, state.rules, state.policies, profile_id, as_of
        )
    else:
        current, body = await service.standing(pool, profile_id, state.rules, state.policies, datetime.now(UTC))
    headers = {"Content-Location": f"/v1/profiles/{current}/standing"} if current != profile_id else None
    return Response(body, 200, headers, "application/json")


def _asked(request: Request) -> datetime | None:
    """The time in the query of a call that came the short way, which looks at no queries."""
    given = request.query_params.get("as_of")
    if given is None:
        return None
    try:
        return _MOMENT.validate_python(given)
    except ValidationError as error:
        detail = error.errors()[0]["msg"]
        raise Invalid(f"as_of: {detail}", errors=[{"pointer": "/query/as_of", "detail": detail}]) from error


@router.get("/profiles/{profile_id}/standing/changes", dependencies=[needs("segments:read")])
async def list_changes(
    profile_id: UUID,
    connection: Reading,
    until: Annotated[Moment | None, Query(description="Nothing later; with `limit=1`, what held at that time")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[StandingChangeOut]:
    """Classes and stages as they were announced at the time, newest first, those of profiles merged in included."""
    return await service.changes(connection, profile_id, until, cursor, limit)
