"""Templates are checked when they are kept, and tried on anybody before they are sent."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from fastapi import Request
from rapport.concurrency import check_if_match
from rapport.errors import Stale
from sqlalchemy.ext.asyncio import AsyncSession

from campaign_service.clients.profiles import Person, Profiles
from campaign_service.content import repository, rules
from campaign_service.content.errors import ProfileNotFound, TemplateInvalid, TemplateNotFound
from campaign_service.content.schemas import PreviewIn, PreviewOut, TemplateBody, TemplateIn, TemplateOut, body_of
from campaign_service.models import Template


def checked(body: TemplateBody, pointer: str = "") -> TemplateBody:
    """`body` if all of it is valid Liquid; raises `TemplateInvalid`."""
    faults = rules.check(body)
    if faults:
        errors = [{"pointer": pointer + where, "detail": fault.detail} for where, fault in faults]
        raise TemplateInvalid("; ".join(f"{each['pointer']}: {each['detail']}" for each in errors), errors=errors)
    return body


async def put(session: AsyncSession, request: Request, key: str, template: TemplateIn) -> tuple[TemplateOut, bool]:
    """Keep a template under a key; whether it is new. Raises `TemplateInvalid`, `Stale`."""
    checked(template)
    document = template.model_dump(mode="json", exclude={"channel"})
    row = await repository.find(session, key, for_update=True)
    if row is None and "if-match" in request.headers:
        raise Stale("There is no template under this key yet.")
    if row is None and await repository.create(session, key, template.channel, document):
        return TemplateOut(key=key, version=1, **template.model_dump()), True
    row = row or await repository.find(session, key, for_update=True)
    if row is None:
        raise TemplateNotFound
    check_if_match(request, row.version)
    if row.body != document:
        row.body, row.version, row.updated_at = document, row.version + 1, datetime.now(UTC)
    return described(row), False


async def get(session: AsyncSession, key: str) -> TemplateOut:
    """The template under a key; raises `TemplateNotFound`."""
    row = await repository.find(session, key)
    if row is None:
        raise TemplateNotFound(f"There is no template {key!r}; put one at /v1/templates/{key}.")
    return described(row)


async def page(session: AsyncSession, after: str | None, limit: int) -> list[TemplateOut]:
    """Templates by key, after the one named."""
    return [described(row) for row in await repository.page(session, after, limit)]


def described(row: Template) -> TemplateOut:
    """A kept template as it is answered."""
    return TemplateOut.model_validate({"key": row.key, "version": row.version, "channel": row.channel, **row.body})


async def preview(session: AsyncSession, profiles: Profiles, wish: PreviewIn) -> PreviewOut:
    """The message as that person would get it; raises `TemplateInvalid`, `ProfileNotFound`."""
    if isinstance(wish.template, str):
        kept = await get(session, wish.template)
        body = body_of(kept.model_dump(exclude={"key", "version", "channel"}))
    else:
        body = checked(wish.template, "/template")
    facts, spoken = await _facts(profiles, wish.profile_id, wish.profile)
    language, content = rules.choose(body, wish.language or spoken)
    variables = rules.variables(facts, wish.campaign, wish.offer, "https://example.org/u/preview")
    try:
        message = rules.render(content, variables)
        missing = rules.missing(content, variables)
    except rules.ContentError as error:
        fault = {"pointer": f"/template/{error.part}", "detail": error.detail}
        raise TemplateInvalid(str(error), errors=[fault]) from error
    return PreviewOut(language=language, subject=message.subject, html=message.html, text=message.text, missing=missing)


async def _facts(
    profiles: Profiles, profile_id: UUID | None, invented: Mapping[str, Any] | None
) -> tuple[Mapping[str, Any], str | None]:
    if profile_id is None:
        facts = invented or {}
        spoken = facts.get("language")
        return facts, spoken if isinstance(spoken, str) else None
    found = await profiles.lookup([profile_id])
    person: Person | None = found.get(profile_id)
    if person is None:
        raise ProfileNotFound(f"profile-service knows no customer {profile_id}.")
    return person.facts, person.language
