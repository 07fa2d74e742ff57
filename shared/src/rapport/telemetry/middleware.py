"""Names, measures and logs every request; pure ASGI, because it stands before every answer."""

import asyncio
import logging
import re
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, Final

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rapport.telemetry import context
from rapport.telemetry.logging import ACCESS_LOGGER, ALREADY_LOGGED, output
from rapport.telemetry.masking import mask
from rapport.telemetry.metrics import record_request

UNMATCHED: Final = "unmatched"
_CLIENT_GONE: Final = 499
_secret_parameters: Final = frozenset({"token", "code"})
_quiet: Final = ("/health", "/metrics")

_log = logging.getLogger(__name__)
_access = logging.getLogger(ACCESS_LOGGER)
_encode = msgspec.json.Encoder().encode
_now = datetime.now
_uuid = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z").match


class _AccessLine(msgspec.Struct):
    time: datetime
    level: str
    logger: str
    message: str
    service: str
    request_id: str
    trace_id: str
    method: str
    route: str
    path: str
    status: int
    duration_ms: float


class TelemetryMiddleware:
    """Takes or makes `X-Request-Id` and `traceparent`, counts by route template, writes one access line.

    The request id is also at `scope["request_id"]`, for answers made outside this middleware.
    """

    def __init__(self, app: ASGIApp, service: str) -> None:
        self.app = app
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = perf_counter()
        identity, trace = _identified(scope["headers"])
        scope["request_id"] = identity
        mount = scope.get("root_path", "")
        request_token = context.request_id.set(identity)
        trace_token = context.traceparent.set(trace)
        status = 0

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", identity.encode())]
            await send(message)

        try:
            await self.app(scope, receive, send_named)
        except asyncio.CancelledError:
            status = status or _CLIENT_GONE
            raise
        except Exception as error:
            status = status or 500
            _log_once(error, scope, mount)
            raise
        finally:
            self._finish(scope, mount, status or _CLIENT_GONE, perf_counter() - started, trace)
            context.traceparent.reset(trace_token)
            context.request_id.reset(request_token)

    def _finish(self, scope: Scope, mount: str, status: int, seconds: float, trace: str) -> None:
        method: str = scope["method"]
        route = _template(scope, mount)
        record_request(method, route, status, seconds)
        if output.stream is None or not _access.isEnabledFor(logging.INFO):
            return
        if status < 400 and route.startswith(_quiet):
            return
        identity: str = scope["request_id"]
        # Straight to the stream: a LogRecord and its handlers cost several times the rest of this middleware.
        output.write(
            _encode(
                _AccessLine(
                    _now(UTC),
                    "INFO" if status < 500 else "ERROR",
                    ACCESS_LOGGER,
                    f"{method} {route} {status}",
                    self.service,
                    identity if identity == trace[3:35] else mask(identity),
                    trace[3:35],
                    method,
                    route,
                    _shown_path(scope, route),
                    status,
                    round(seconds * 1000, 3),
                )
            )
        )


def _identified(headers: list[tuple[bytes, bytes]]) -> tuple[str, str]:
    """The request's id and `traceparent`: the caller's where valid, otherwise new ones."""
    identity = parent = ""
    for name, value in headers:
        if name == b"x-request-id":
            identity = value.decode("latin-1")
        elif name == b"traceparent":
            parent = value.decode("latin-1")
    trace = context.continued(parent) if parent else context.new_trace()
    if not identity or not context.valid_request_id(identity):
        identity = trace[3:35]
    return identity, trace


def _template(scope: Scope, mount: str) -> str:
    """The route as declared, with the prefixes of routers and mounts around it."""
    included: Any = scope.get("fastapi")
    if included:
        effective = included.get("effective_route_context")
        if effective is not None:
            return str(effective.path)
    route = scope.get("route")
    path = getattr(route, "path", None)
    if path is None:
        return UNMATCHED
    root: str = scope.get("root_path", "")
    if root is mount or root == mount:
        return str(path)
    prefix = root.removeprefix(mount)
    return prefix if prefix.endswith(path) else prefix + path


def _shown_path(scope: Scope, route: str) -> str:
    parameters = scope.get("path_params")
    if not parameters:
        return route if route == scope["path"] else mask(scope["path"])
    if not _secret_parameters.isdisjoint(parameters):
        return route
    if all(_uuid(str(value)) for value in parameters.values()):
        return str(scope["path"])
    return mask(scope["path"])


def _log_once(error: Exception, scope: Scope, mount: str) -> None:
    _log.error("unhandled %s in %s %s", type(error).__name__, scope["method"], _template(scope, mount), exc_info=error)
    setattr(error, ALREADY_LOGGED, True)
