"""/v1/imports: lists in bulk."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Query, Request, Response
from fastapi.responses import StreamingResponse
from rapport.auth import Caller, needs
from rapport.database import Reading, Storage, begin
from rapport.errors import documented
from rapport.pagination import Cursor, Limit, Page, decode_cursor, encode_cursor
from rapport.routing import service_router

from profile_service.imports import service
from profile_service.imports.schemas import ImportAnswer, PreviewAnswer, Spec
from profile_service.imports.upload import uploaded
from profile_service.policy import Policed

router = service_router("imports", prefix="/v1/imports")


def _spec_schema() -> dict[str, Any]:
    """The specification's schema in one piece: a form's parts have no place for definitions of their own."""
    schema = Spec.model_json_schema()
    schema["properties"]["mapping"]["additionalProperties"] = schema.pop("$defs")["Target"]
    return schema


_FORM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["file", "spec"],
    "properties": {
        "file": {"type": "string", "format": "binary", "description": "CSV, NDJSON or Parquet"},
        "spec": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": _spec_schema(),
            "description": "What the list is and how to read it, as JSON",
        },
    },
}
_UPLOAD: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": _FORM, "encoding": {"spec": {"contentType": "application/json"}}}
        },
    }
}


@router.post(
    "",
    status_code=202,
    dependencies=[needs("profiles:write")],
    responses=documented(413),
    openapi_extra=_UPLOAD,
)
async def start(request: Request, response: Response, policy: Policed, caller: Caller) -> ImportAnswer:
    """Take a list in, as a job; how the file is read is guessed and told."""
    async with uploaded(request, policy.country, request.app.state.settings.import_bytes) as upload:
        connection = await begin(request)
        answer = await service.start(connection, policy, upload, caller.subject)
    response.headers["Location"] = f"/v1/jobs/{answer.job_id}"
    return answer


@router.post(
    "/preview",
    dependencies=[needs("profiles:write")],
    responses=documented(413),
    openapi_extra=_UPLOAD,
)
async def preview(
    request: Request,
    storage: Storage,
    policy: Policed,
    caller: Caller,
    rows: Annotated[int, Query(ge=1, le=200, description="How many rows at most")] = 20,
) -> PreviewAnswer:
    """The first rows as they would be read, with everything that is wrong with them; nothing is kept."""
    async with uploaded(request, policy.country, request.app.state.settings.import_bytes) as upload:
        return await service.preview(storage, policy, upload, rows, pii=caller.may("profiles:pii"))


@router.get("", dependencies=[needs("profiles:read")])
async def listed(connection: Reading, limit: Limit = 50, cursor: Cursor = None) -> Page[ImportAnswer]:
    """Lists, newest first."""
    before = decode_cursor(cursor, tuple[UUID])[0] if cursor else None
    found = await service.listed(connection, before, limit + 1)
    following = encode_cursor(found[limit - 1].id) if len(found) > limit else None
    return Page(items=found[:limit], next_cursor=following)


@router.get("/{import_id}", dependencies=[needs("profiles:read")])
async def read(import_id: UUID, connection: Reading) -> ImportAnswer:
    """A list, and how many of its rows were read, accepted and rejected so far."""
    return await service.read(connection, import_id)


@router.get(
    "/{import_id}/errors.csv",
    dependencies=[needs("profiles:read")],
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "The faults"}},
    response_class=StreamingResponse,
)
async def errors(import_id: UUID, storage: Storage, connection: Reading, caller: Caller) -> StreamingResponse:
    """A line for each fault (row, column, reason, value); the bad value for callers with profiles:pii alone."""
    await service.read(connection, import_id)
    lines = service.faults_as_csv(storage, import_id, pii=caller.may("profiles:pii"))
    headers = {"Content-Disposition": f'attachment; filename="import-{import_id}-errors.csv"'}
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)
