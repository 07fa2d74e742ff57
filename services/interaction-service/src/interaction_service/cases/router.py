"""Complaints and suggestions."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response
from rapport.auth import needs
from rapport.concurrency import etag
from rapport.database import Session
from rapport.errors import documented
from rapport.pagination import Cursor, Limit, Page
from rapport.routing import service_router

from interaction_service.cases import service
from interaction_service.cases.schemas import CasePatch, CaseView, Kind, NewCase, Severity, State
from interaction_service.dependencies import Profiles, Settings
from interaction_service.fields import Line

router = service_router("cases")


@router.post("/cases", status_code=201, dependencies=[needs("interactions:write")])
async def open_case(
    new: NewCase, response: Response, settings: Settings, profiles: Profiles, session: Session
) -> CaseView:
    """Open a complaint or a suggestion."""
    case = await service.opened(session, profiles, new, settings.default_country)
    response.headers.update({"ETag": etag(case.version), "Location": f"/v1/cases/{case.case_id}"})
    return CaseView.model_validate(case)


@router.get("/cases", dependencies=[needs("interactions:read")])
async def cases(
    profiles: Profiles,
    session: Session,
    profile_id: UUID | None = None,
    kind: Kind | None = None,
    severity: Severity | None = None,
    state: State | None = None,
    owner: Annotated[Line | None, Query()] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[CaseView]:
    """Cases, the newest first, of one customer or of all."""
    wanted = {"kind": kind, "severity": severity, "state": state, "owner": owner}
    given = {name: value for name, value in wanted.items() if value is not None}
    found, following = await service.listed(session, profiles, profile_id, given, limit, cursor)
    return Page(items=[CaseView.model_validate(each) for each in found], next_cursor=following)


@router.get("/cases/{case_id}", dependencies=[needs("interactions:read")])
async def case(case_id: UUID, response: Response, session: Session) -> CaseView:
    """One case."""
    found = await service.read(session, case_id)
    response.headers["ETag"] = etag(found.version)
    return CaseView.model_validate(found)


@router.patch("/cases/{case_id}", dependencies=[needs("interactions:write")], responses=documented(412))
async def amend(case_id: UUID, patch: CasePatch, request: Request, response: Response, session: Session) -> CaseView:
    """Change a case: who has it, how grave it is, how far it is, what came of it."""
    found = await service.amend(session, request, case_id, patch)
    response.headers["ETag"] = etag(found.version)
    return CaseView.model_validate(found)
