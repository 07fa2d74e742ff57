"""The Segment HTTP Tracking API (segment.com/docs/connections/sources/catalog/libraries/server/http-api)."""

from typing import Any

from fastapi import APIRouter, Request, Response
from rapport.errors import documented

from interaction_service.collector import documentation
from interaction_service.collector.errors import CORS
from interaction_service.collector.service import collect

# A router of its own: the write key is not a bearer token, and messages bring their own ids against repetition.
router = APIRouter(prefix="/v1", tags=["collector"], responses=documented(400, 401, 403, 503))

_SUCCESS = b'{"success":true}'
_PREFLIGHT = {
    **CORS,
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Content-Encoding",
    "Access-Control-Max-Age": "86400",
}
_CALLS = {"identify": "i", "track": "t", "page": "p", "screen": "s", "group": "g", "alias": "a"}


def _add(path: str, type_: str | None, description: dict[str, Any], *, shown: bool = True) -> None:
    async def call(request: Request) -> Response:
        await collect(request, type_)
        return Response(_SUCCESS, media_type="application/json", headers=CORS)

    async def preflight() -> Response:
        return Response(status_code=204, headers=_PREFLIGHT)

    name = f"collect_{path}"
    call.__doc__ = documentation.summary(type_)
    router.add_api_route(
        f"/{path}",
        call,
        methods=["POST"],
        name=name,
        responses=documentation.SUCCESS,
        openapi_extra=description,
        response_class=Response,
        include_in_schema=shown,
    )
    router.add_api_route(f"/{path}", preflight, methods=["OPTIONS"], name=f"{name}_preflight", include_in_schema=False)


_add("batch", None, documentation.batch())
for _type, _short in _CALLS.items():
    _add(_type, _type, documentation.single(_type))
    _add(_short, _type, documentation.single(_type))
