"""Log lines, metrics and the middleware that names and measures requests."""

import asyncio
import io
import logging
import re
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from rapport.telemetry import context, metrics
from rapport.telemetry import logging as telemetry
from rapport.telemetry.middleware import TelemetryMiddleware
from starlette.routing import Mount, Route
from starlette.types import Message, Receive, Scope, Send

from tests.support.http import serve

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
PROFILE = "018f1234-5678-7890-abcd-0123456789ab"


class Lines:
    """What was logged, one object for each line."""

    def __init__(self) -> None:
        self.stream = io.BytesIO()

    def all(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(line) for line in self.stream.getvalue().splitlines()]

    def of(self, logger: str) -> list[dict[str, Any]]:
        return [line for line in self.all() if line["logger"] == logger]

    @property
    def access(self) -> list[dict[str, Any]]:
        return self.of("rapport.access")


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    telemetry.configure("profile", "info")
    lines = Lines()
    monkeypatch.setattr(telemetry.output, "stream", lines.stream)
    yield lines
    root.setLevel(level)
    root.handlers[:] = handlers


def application() -> FastAPI:
    inner = APIRouter(prefix="/facts")

    @inner.get("/{key}")
    async def fact(key: str) -> dict[str, str]:
        return {"request_id": context.request_id.get(), "traceparent": context.traceparent.get()}

    router = APIRouter(prefix="/v1/profiles/{profile_id}")
    router.include_router(inner)

    @router.get("")
    async def profile(profile_id: str) -> str:
        logging.getLogger("test.profile").info("reading", extra={"profile_id": profile_id})
        return profile_id

    async def mounted(request: Request) -> Response:
        return Response()

    app = FastAPI()
    app.add_middleware(TelemetryMiddleware, service="profile")
    app.include_router(router)
    app.include_router(metrics.router)
    app.router.routes.append(Mount("/files", routes=[Route("/{name}", mounted)]))

    @app.get("/u/{token}")
    async def unsubscribe(token: str) -> None: ...

    @app.get("/health/live")
    async def live(fail: bool = False) -> None:
        if fail:
            raise HTTPException(503)

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("no room for ada@example.org")

    return app


@pytest.fixture
async def client(lines: Lines) -> Any:
    async with serve(application()) as address, httpx.AsyncClient(base_url=address, trust_env=False) as client:
        yield client


async def test_a_request_keeps_the_ids_of_its_caller(client: httpx.AsyncClient, lines: Lines) -> None:
    response = await client.get(
        f"/v1/profiles/{PROFILE}/facts/shoe", headers={"X-Request-Id": "call-7", "traceparent": PARENT}
    )
    seen = response.json()
    assert response.headers["x-request-id"] == seen["request_id"] == "call-7"
    assert re.fullmatch(rf"00-{TRACE}-[0-9a-f]{{16}}-01", seen["traceparent"])
    assert seen["traceparent"] != PARENT
    (line,) = lines.access
    assert line["duration_ms"] > 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", line["time"])
    assert {name: line[name] for name in line.keys() - {"duration_ms", "time"}} == {
        "level": "INFO",
        "logger": "rapport.access",
        "message": "GET /v1/profiles/{profile_id}/facts/{key} 200",
        "service": "profile",
        "request_id": "call-7",
        "trace_id": TRACE,
        "method": "GET",
        "route": "/v1/profiles/{profile_id}/facts/{key}",
        "path": f"/v1/profiles/{PROFILE}/facts/shoe",
        "status": 200,
    }


@pytest.mark.parametrize("identity", ["", "a b", "x" * 129, "caf\u00e9"])
@pytest.mark.parametrize(
    "parent", ["", "00-xyz", PARENT.replace(TRACE, "0" * 32), PARENT.upper(), PARENT + "-01", f"ff{PARENT[2:]}"]
)
async def test_ids_that_are_not_valid_are_replaced(client: httpx.AsyncClient, identity: str, parent: str) -> None:
    headers = {b"X-Request-Id": identity.encode("latin-1"), b"traceparent": parent.encode()}
    response = await client.get(f"/v1/profiles/{PROFILE}/facts/shoe", headers=headers)
    seen = response.json()
    assert re.fullmatch(r"[0-9a-f]{32}", seen["request_id"])
    assert response.headers["x-request-id"] == seen["request_id"]
    assert re.fullmatch(rf"00-(?!{TRACE}){seen['request_id']}-[0-9a-f]{{16}}-01", seen["traceparent"])


def test_a_trace_of_a_later_version_is_continued() -> None:
    assert context.continued(f"01{PARENT[2:]}-more").startswith(f"00-{TRACE}-")
    assert context.continued(f"{PARENT[:-2]}00").endswith("-00")


async def test_requests_are_counted_by_route_template(client: httpx.AsyncClient, lines: Lines) -> None:
    expected = [
        (f"/v1/profiles/{PROFILE}", "/v1/profiles/{profile_id}", "200"),
        ("/files/a.txt", "/files/{name}", "200"),
        ("/nowhere/ada@example.org", "unmatched", "404"),
        ("/u/eyJ.signed.token", "/u/{token}", "200"),
        ("/broken", "/broken", "500"),
    ]
    before = [_counted("GET", route, status) for _, route, status in expected]
    for path, _, _ in expected:
        await client.get(path)
    assert [_counted("GET", route, status) for _, route, status in expected] == [count + 1 for count in before]
    await client.request("PURGE", "/nowhere")
    assert _counted("OTHER", "unmatched", "404") >= 1
    page = (await client.get("/metrics")).text
    assert 'http_request_duration_seconds_bucket{le="0.005",method="GET",route="/files/{name}"}' in page
    assert "ada@" not in page
    assert [line["path"] for line in lines.access][:5] == [
        f"/v1/profiles/{PROFILE}",
        "/files/a.txt",
        "/nowhere/a***@e***.org",
        "/u/{token}",
        "/broken",
    ]


async def test_answered_probes_are_not_logged(client: httpx.AsyncClient, lines: Lines) -> None:
    await client.get("/health/live")
    await client.get("/metrics")
    await client.get("/health/live", params={"fail": True})
    assert [(line["route"], line["status"], line["level"]) for line in lines.access] == [("/health/live", 503, "ERROR")]


async def test_an_unhandled_exception_is_logged_once_with_its_stack(client: httpx.AsyncClient, lines: Lines) -> None:
    assert (await client.get("/broken", headers={"X-Request-Id": "call-9"})).status_code == 500
    (line,) = [line for line in lines.all() if "stack" in line]
    assert "RuntimeError: no room for a***@e***.org" in line["stack"]
    assert (line["level"], line["request_id"], line["message"]) == (
        "ERROR",
        "call-9",
        "unhandled RuntimeError in GET /broken",
    )
    assert [(line["status"], line["request_id"]) for line in lines.access] == [(500, "call-9")]


async def test_other_lines_carry_the_request_they_belong_to(client: httpx.AsyncClient, lines: Lines) -> None:
    await client.get(f"/v1/profiles/{PROFILE}", headers={"X-Request-Id": "call-8", "traceparent": PARENT})
    (line,) = lines.of("test.profile")
    assert (line["message"], line["profile_id"], line["request_id"], line["trace_id"]) == (
        "reading",
        PROFILE,
        "call-8",
        TRACE,
    )


async def test_a_request_that_is_cancelled_is_still_recorded(lines: Lines) -> None:
    async def waits(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.Event().wait()

    async def nothing() -> Message:
        return {}

    async def ignore(message: Message) -> None: ...

    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await TelemetryMiddleware(waits, "profile")(scope, nothing, ignore)
    assert [line["status"] for line in lines.access] == [499]
    assert context.request_id.get() == ""


def test_lines_hold_what_was_logged_masked(lines: Lines) -> None:
    log = logging.getLogger("test.lines")
    with context.traced("nightly") as identity:
        log.warning("mail to %s", "ada@example.org", extra={"phone": "+886 2 2345 6789", "rows": 3, "message_id": "m"})
    log.debug("not at this level")
    try:
        raise ValueError("writeKey=abc")
    except ValueError:
        log.exception("failed", stack_info=True)
    first, second = lines.all()
    assert {name: first[name] for name in first.keys() - {"time"}} == {
        "level": "WARNING",
        "logger": "test.lines",
        "message": "mail to a***@e***.org",
        "service": "profile",
        "request_id": identity,
        "trace_id": identity.removeprefix("nightly-"),
        "phone": "+8862***89",
        "rows": 3,
        "message_id": "m",
    }
    assert "ValueError: writeKey=***" in second["stack"]
    assert "Stack (most recent call last)" in second["stack"]
    assert "request_id" not in second


def test_the_servers_own_lines_are_json_too(lines: Lines) -> None:
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).warning("from %s", name)
    telemetry.configure("profile", "info")
    telemetry.output.stream = lines.stream
    logging.getLogger("uvicorn.access").info("GET /v1/profiles?q=ada")
    logging.getLogger("uvicorn.error").warning("once")
    assert [line["message"] for line in lines.all()] == ["from uvicorn", "from uvicorn.error", "once"]


def test_feed_lag_is_shown_at_each_scrape() -> None:
    metrics.register_feed_lag("test-consumer", lambda: 1.5)
    assert metrics.REGISTRY.get_sample_value("feed_consumer_lag_seconds", {"consumer": "test-consumer"}) == 1.5


def _counted(method: str, route: str, status: str) -> float:
    labels = {"method": method, "route": route, "status": status}
    return metrics.REGISTRY.get_sample_value("http_requests_total", labels) or 0.0
