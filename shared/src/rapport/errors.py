"""Problem answers (RFC 9457): every error a service gives is one of these."""

import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"
_log = logging.getLogger(__name__)


class Problem(Exception):
    """An error that knows its status, its problem type and how to be mended.

    Subclasses set `status`, `name` (the last part of `urn:rapport:problem:<name>`) and `title`; `detail` says what
    happened this time, `errors` lists `{"pointer", "detail"}` for invalid input, `extra` adds members to the answer.
    """

    status: ClassVar[int] = 500
    name: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong on our side"

    def __init__(
        self,
        detail: str = "",
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.errors = list(errors)
        self.headers = dict(headers or {})
        self.extra = extra


class BadRequest(Problem):
    status, name, title = 400, "bad-request", "The request cannot be read"


class Unauthorized(Problem):
    status, name, title = 401, "unauthorized", "A valid bearer token is needed"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"})


class Forbidden(Problem):
    status, name, title = 403, "forbidden", "The token lacks a scope"


class NotFound(Problem):
    status, name, title = 404, "not-found", "There is no such thing"


class Conflict(Problem):
    status, name, title = 409, "conflict", "The request conflicts with the present state"


class Stale(Problem):
    status, name, title = 412, "stale", "The document has changed since it was read"


class Invalid(Problem):
    status, name, title = 422, "invalid", "The input is not valid"


class Overloaded(Problem):
    status, name, title = 503, "overloaded", "The service is busy"

    def __init__(self, detail: str = "", *, retry_after: int = 1) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})


def problem_response(
    instance: str,
    status: int,
    name: str,
    title: str,
    detail: str,
    *,
    errors: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Response:
    """A problem+json answer as bytes."""
    body: dict[str, Any] = {
        "type": f"urn:rapport:problem:{name}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": instance,
    }
    if errors:
        body["errors"] = list(errors)
    body.update(extra or {})
    return Response(_encoded(body), status, dict(headers or {}), MEDIA_TYPE)


def _encoded(body: Mapping[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:
        # What was wrong may be quoted, and may be what no UTF-8 holds: an unpaired surrogate stays an escape.
        return json.dumps(body, default=str).encode()


def pointer(location: Sequence[str | int]) -> str:
    """JSON pointer of a validation error; the first part (`body`, `query`...) is left out for bodies alone."""
    parts = list(location[1:]) if location and location[0] in {"body", "query", "path", "header"} else list(location)
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem answer."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_unexpected)


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101  registered for this class alone
    return problem_response(
        request.url.path,
        error.status,
        error.name,
        error.title,
        error.detail,
        errors=error.errors,
        headers=error.headers,
        extra=error.extra,
    )


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  registered for this class alone
    found = error.errors()
    errors = [{"pointer": pointer(item["loc"]), "detail": item["msg"]} for item in found]
    if any(item["type"] == "json_invalid" for item in found):
        return problem_response(
            request.url.path,
            400,
            "bad-request",
            BadRequest.title,
            "The body is not valid JSON.",
            errors=errors,
        )
    detail = "; ".join(f"{item['pointer'] or '/'}: {item['detail']}" for item in errors[:5])
    return problem_response(request.url.path, 422, "invalid", Invalid.title, detail, errors=errors)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  registered for this class alone
    status = HTTPStatus(error.status_code)
    name = status.phrase.lower().replace(" ", "-")
    return problem_response(
        request.url.path, error.status_code, name, status.phrase, str(error.detail), headers=error.headers
    )


async def _on_unexpected(request: Request, error: Exception) -> Response:
    # The server logs the stack once when it rises past the application; the caller gets none of it.
    _log.debug("answering 500 for %s", type(error).__name__)
    return problem_response(
        request.url.path,
        500,
        Problem.name,
        Problem.title,
        "The request could not be carried out; it has been logged.",
        # This answer is made outside the middleware that names requests.
        headers={"X-Request-Id": request.scope.get("request_id", "")},
    )


PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses=` for a router: problem answers of these statuses."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": PROBLEM_SCHEMA}},
        }
        for status in statuses
    }
