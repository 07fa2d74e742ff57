"""/v1/suppressions: do-not-contact entries one by one, and do-not-call registries as files."""

from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import File, Form, Query, Response, UploadFile
from pydantic import ValidationError
from rapport.auth import Caller, needs
from rapport.database import Reading, Transaction
from rapport.errors import Invalid, pointer
from rapport.pagination import Cursor, Limit, Page, decode_cursor, encode_cursor
from rapport.routing import service_router
from rapport.telemetry.masking import HIDDEN
from rapport.text import CleanText

from profile_service.fields import IdentifierAnswer, IdentifierBody
from profile_service.identifiers import read_identifier
from profile_service.personal import masked_identifier
from profile_service.policy import Policed
from profile_service.pseudonyms import Pseudonymous
from profile_service.suppressions import service
from profile_service.suppressions.errors import UnreadableList
from profile_service.suppressions.schemas import (
    BadRow,
    RegistryAnswer,
    RegistryImport,
    RegistryList,
    RegistrySpec,
    SuppressionAnswer,
    SuppressionBody,
)

MAX_BYTES = 32 << 20
router = service_router("suppressions", prefix="/v1/suppressions", problems=(404,))


@router.post("", status_code=201, dependencies=[needs("profiles:write")])
async def suppress(
    body: SuppressionBody, connection: Transaction, policy: Policed, caller: Caller
) -> SuppressionAnswer:
    """Do not contact this identifier, whether or not a profile has it."""
    identifier = read_identifier(body.identifier, "/identifier", policy.country)
    return _answer(await service.suppress(connection, identifier, body), pii=caller.may("profiles:pii"))


@router.get("", dependencies=[needs("profiles:read")])
async def listed(
    connection: Reading,
    policy: Policed,
    pseudonyms: Pseudonymous,
    caller: Caller,
    kind: Annotated[CleanText | None, Query(max_length=32)] = None,
    value: Annotated[CleanText | None, Query(min_length=1, max_length=512)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[SuppressionAnswer]:
    """Entries, newest first; those of one identifier, in registries too, when kind and value are given."""
    identifier = None
    if kind is not None or value is not None:
        if kind is None or value is None:
            raise Invalid("Give kind and value together.", errors=[{"pointer": "", "detail": "kind and value"}])
        identifier = read_identifier(IdentifierBody.model_construct(kind=kind, value=value), "", policy.country)
    before = decode_cursor(cursor, tuple[UUID])[0] if cursor else None
    rows = await service.listed(connection, pseudonyms, identifier, before, limit + 1)
    items = [_answer(row, pii=caller.may("profiles:pii")) for row in rows[:limit]]
    return Page(items=items, next_cursor=encode_cursor(items[-1].suppression_id) if len(rows) > limit else None)


@router.post("/imports", status_code=201, dependencies=[needs("profiles:write")])
async def take_registry(
    file: Annotated[UploadFile, File(description="CSV, with or without a heading")],
    spec: Annotated[CleanText, Form(description="JSON: `registry`, `jurisdiction`, `channels`, `expires_at`...")],
    connection: Transaction,
    pseudonyms: Pseudonymous,
    caller: Caller,
) -> RegistryImport:
    """Take over a do-not-call registry; its numbers are kept as keyed hashes alone."""
    wanted = _spec(spec)
    content = await file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        detail = f"A call takes {MAX_BYTES >> 20} MB; send the rest in another, with mode add."
        raise UnreadableList(detail, errors=[{"pointer": "/file", "detail": detail}])
    numbers = await service.take_registry(connection, pseudonyms, wanted, content, caller.subject)
    return RegistryImport(
        registry=wanted.registry,
        jurisdiction=wanted.jurisdiction,
        rows=numbers.rows,
        accepted=numbers.rows - numbers.rejected,
        rejected=numbers.rejected,
        errors=[BadRow(row=row, reason=reason) for row, reason in numbers.errors],
    )


@router.get("/registries", dependencies=[needs("profiles:read")])
async def registries(connection: Reading) -> RegistryList:
    """The do-not-call registries that are heeded."""
    return RegistryList(items=[RegistryAnswer(**dict(row)) for row in await service.registries(connection)])


@router.delete("/registries/{registry}", status_code=204, dependencies=[needs("profiles:write")])
async def drop_registry(registry: CleanText, connection: Transaction) -> Response:
    """Heed a registry no longer."""
    await service.drop_registry(connection, registry)
    return Response(status_code=204)


@router.delete("/{suppression_id}", status_code=204, dependencies=[needs("profiles:write")])
async def lift(suppression_id: UUID, connection: Transaction) -> Response:
    """Remove a do-not-contact entry; one of a registry goes with the registry."""
    await service.lift(connection, suppression_id)
    return Response(status_code=204)


def _spec(text: str) -> RegistrySpec:
    try:
        return RegistrySpec.model_validate_json(text)
    except ValidationError as error:
        errors = [{"pointer": "/spec" + pointer(each["loc"]), "detail": each["msg"]} for each in error.errors()]
        raise Invalid("; ".join(f"{each['pointer']}: {each['detail']}" for each in errors), errors=errors) from error


def _answer(row: asyncpg.Record, *, pii: bool) -> SuppressionAnswer:
    value = row["value"]
    if value is None:
        value = HIDDEN
    elif not pii:
        value = masked_identifier(row["kind"], value)
    return SuppressionAnswer(
        identifier=IdentifierAnswer(kind=row["kind"], value=value),
        **{name: row[name] for name in SuppressionAnswer.model_fields if name != "identifier"},
    )
