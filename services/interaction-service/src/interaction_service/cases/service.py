"""Complaints and suggestions: opened, followed, settled, and announced to whoever must heed them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from fastapi import Request
from rapport.concurrency import check_if_match
from rapport.database import bare
from rapport.feed import Event, append
from rapport.identity import identity_id, strongest
from rapport.pagination import decode_cursor, encode_cursor
from sqlalchemy.ext.asyncio import AsyncSession

from interaction_service.cases import repository
from interaction_service.cases.errors import UnknownCase, WhoseCase
from interaction_service.cases.rules import SETTLED, announcement
from interaction_service.cases.schemas import CasePatch, NewCase
from interaction_service.clients.profile import ProfileClient
from interaction_service.conversations import service as conversations
from interaction_service.fields import canonical
from interaction_service.identities.service import customer
from interaction_service.models import Case


async def opened(session: AsyncSession, profiles: ProfileClient, new: NewCase, country: str) -> Case:
    """Open a case under the identity it came with; raises `WhoseCase`, `UnknownProfile`, `IdentifiersInvalid`."""
    connection = await bare(session)
    if (new.profile_id is None) == (new.identifiers is None):
        raise WhoseCase("Give either profile_id or identifiers.")
    if new.profile_id is not None:
        identity = (await customer(connection, profiles, new.profile_id)).anchor
    else:
        identifier = strongest(canonical(new.identifiers or [], country))
        identity = identity_id(identifier.kind, identifier.value)
    if new.conversation_id is not None:
        await conversations.read(connection, new.conversation_id)
    now = datetime.now(UTC)
    fields = new.model_dump(exclude={"profile_id", "identifiers"})
    case = Case(**fields, identity_id=identity, state="open", opened_at=now, updated_at=now)
    session.add(case)
    await _announce(session, case, "case.opened")
    return case


async def read(session: AsyncSession, case_id: UUID, *, lock: bool = False) -> Case:
    """A case; raises `UnknownCase`."""
    case = await repository.get(session, case_id, lock=lock)
    if case is None:
        raise UnknownCase(f"No case has the id {case_id}.")
    return case


async def amend(session: AsyncSession, request: Request, case_id: UUID, patch: CasePatch) -> Case:
    """Change a case; raises `UnknownCase` or `Stale`."""
    case = await read(session, case_id, lock=True)
    check_if_match(request, case.version)
    changes = {
        name: value for name, value in patch.model_dump(exclude_unset=True).items() if getattr(case, name) != value
    }
    if not changes:
        return case
    before, now = case.state, datetime.now(UTC)
    for name, value in changes.items():
        setattr(case, name, value)
    case.updated_at = now
    case.closed_at = (case.closed_at or now) if case.state in SETTLED else None
    await _announce(session, case, announcement(before, case.state))
    return case


async def listed(
    session: AsyncSession,
    profiles: ProfileClient,
    profile_id: UUID | None,
    wanted: dict[str, str],
    limit: int,
    cursor: str | None,
) -> tuple[list[Case], str | None]:
    """A page of cases, the newest first, of one customer or of all, and the cursor of the next."""
    identities = None
    if profile_id is not None:
        identities = (await customer(await bare(session), profiles, profile_id)).identities
    before = decode_cursor(cursor, tuple[datetime, UUID]) if cursor else None
    found = await repository.page(session, identities, wanted, before, limit + 1)
    more = found[limit - 1] if len(found) > limit else None
    return found[:limit], encode_cursor(more.opened_at, more.case_id) if more else None


async def _announce(session: AsyncSession, case: Case, kind: str) -> None:
    await session.flush()
    await session.refresh(case)
    data: dict[str, Any] = {
        "case_id": case.case_id,
        "identity_id": case.identity_id,
        "conversation_id": case.conversation_id,
        "kind": case.kind,
        "severity": case.severity,
        "state": case.state,
        "subject": case.subject,
        "owner": case.owner,
        "due_at": case.due_at,
        "occurred_at": case.updated_at,
    }
    await append(await bare(session), [Event(kind, case.updated_at, data, str(case.case_id))])
