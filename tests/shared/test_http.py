"""Calls between services, against a real server."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec
import pytest
from rapport.circuit import CircuitBreaker
from rapport.http import ServiceClient, ServiceUnavailable, decode
from rapport.telemetry import context
from rapport.telemetry.metrics import REGISTRY
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.support.http import serve

Answer = Callable[[Request], Awaitable[Response]]


class Service:
    """A service that answers as told and remembers what it was asked."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.bodies: list[bytes] = []
        self.answers: list[Response | Answer] = []

    async def answer(self, request: Request) -> Response:
        self.requests.append(request)
        self.bodies.append(await request.body())
        answer = self.answers.pop(0) if self.answers else JSONResponse({"ok": True})
        return answer if isinstance(answer, Response) else await answer(request)


@pytest.fixture
async def service() -> Service:
    return Service()


@asynccontextmanager
async def client_of(service: Service, **options: object) -> AsyncIterator[ServiceClient]:
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    app = Starlette(routes=[Route("/{path:path}", service.answer, methods=methods)])
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(serve(app))
        client = ServiceClient("profile", address, "secret-token", **options)  # type: ignore[arg-type]
        stack.push_async_callback(client.aclose)
        yield client


async def hang(request: Request) -> Response:
    assert (await request.receive())["type"] == "http.disconnect"
    return Response()


async def test_a_call_carries_token_trace_and_body(service: Service) -> None:
    async with client_of(service) as client:
        tokens = context.request_id.set("request-7"), context.traceparent.set(context.new_trace())
        trace = context.traceparent.get()
        try:
            response = await client.post(
                "/v1/things", json={"name": "Ada"}, params={"limit": 5, "q": "a b"}, headers={"If-Match": '"3"'}
            )
        finally:
            context.traceparent.reset(tokens[1])
            context.request_id.reset(tokens[0])
    sent = service.requests[0]
    assert response.status_code == 200
    assert (sent.method, sent.url.path, dict(sent.query_params)) == ("POST", "/v1/things", {"limit": "5", "q": "a b"})
    assert msgspec.json.decode(service.bodies[0]) == {"name": "Ada"}
    assert {name: sent.headers[name] for name in ("authorization", "x-request-id", "traceparent", "if-match")} == {
        "authorization": "Bearer secret-token",
        "x-request-id": "request-7",
        "traceparent": trace,
        "if-match": '"3"',
    }
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers.getlist("host") == [sent.url.netloc]


async def test_other_methods_and_raw_content(service: Service) -> None:
    async with client_of(service) as client:
        await client.put("/a", content=b"x,y", headers={"content-type": "text/csv"})
        await client.patch("/b", json={"a": None})
        await client.delete("/c")
        await client.get("/d")
    assert [request.method for request in service.requests] == ["PUT", "PATCH", "DELETE", "GET"]
    assert service.bodies == [b"x,y", b'{"a":null}', b"", b""]
    assert service.requests[0].headers.getlist("content-type") == ["text/csv"]
    assert "x-request-id" not in service.requests[3].headers


async def test_connections_are_kept(service: Service) -> None:
    async with client_of(service) as client:
        for _ in range(3):
            await client.get("/")
    assert len({request.client.port for request in service.requests if request.client}) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 409, 429])
async def test_client_errors_belong_to_the_caller(service: Service, status: int) -> None:
    service.answers = [Response(status_code=status)]
    async with client_of(service) as client:
        assert (await client.get("/")).status_code == status
    assert len(service.requests) == 1


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_safe_calls_are_tried_a_second_time(service: Service, status: int) -> None:
    service.answers = [Response(status_code=status)]
    async with client_of(service) as client:
        assert (await client.get("/")).status_code == 200
    assert len(service.requests) == 2


async def test_a_post_is_tried_again_only_with_an_idempotency_key(service: Service) -> None:
    async with client_of(service) as client:
        service.answers = [Response(status_code=503)]
        assert (await client.post("/", json=[1], idempotency_key="k-1")).status_code == 200
        assert [request.headers["idempotency-key"] for request in service.requests] == ["k-1", "k-1"]
        assert service.bodies == [b"[1]", b"[1]"]
        service.answers = [Response(status_code=503)]
        with pytest.raises(ServiceUnavailable) as caught:
            await client.post("/", json=[1])
    assert len(service.requests) == 3
    assert (caught.value.service, caught.value.status) == ("profile", 503)
    assert "503" in caught.value.reason


async def test_there_is_one_retry_and_none_after_an_internal_error(service: Service) -> None:
    async with client_of(service) as client:
        service.answers = [Response(status_code=503)] * 3
        with pytest.raises(ServiceUnavailable):
            await client.get("/")
        assert len(service.requests) == 2
        service.answers = [Response(status_code=500)]
        with pytest.raises(ServiceUnavailable, match="500"):
            await client.get("/")
    assert len(service.requests) == 3


async def test_a_retry_never_passes_the_deadline(service: Service) -> None:
    service.answers = [Response(status_code=503, headers={"Retry-After": "30"})]
    async with client_of(service) as client:
        async with asyncio.timeout(10):
            with pytest.raises(ServiceUnavailable):
                await client.get("/", timeout=5)
    assert len(service.requests) == 1


async def test_a_service_that_hangs_or_trickles_is_given_up_at_the_deadline(service: Service) -> None:
    async def trickle() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.02)

    async with client_of(service) as client:
        service.answers = [hang, StreamingResponse(trickle())]
        async with asyncio.timeout(10):
            with pytest.raises(ServiceUnavailable, match="in time"):
                await client.get("/", timeout=0.2)
            with pytest.raises(ServiceUnavailable, match="in time"):
                await client.get("/", timeout=0.2)
        assert (await client.get("/")).status_code == 200
        with pytest.raises(ServiceUnavailable):
            await client.get("/", timeout=0)


async def test_a_refused_connection_is_tried_again_then_reported() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        client = ServiceClient("segment", f"http://127.0.0.1:{taken.getsockname()[1]}", "t")
        before = _counted("segment", "connection_error")
        with pytest.raises(ServiceUnavailable, match="segment is not available: the connection failed"):
            await client.get("/")
        assert _counted("segment", "connection_error") == before + 2
        await client.aclose()


async def test_a_failing_service_is_left_alone_until_a_probe_succeeds(service: Service) -> None:
    now = 0.0
    breaker = CircuitBreaker(2, 10, clock=lambda: now)
    async with client_of(service, breaker=breaker) as client:
        service.answers = [Response(status_code=500)] * 3
        for _ in range(2):
            with pytest.raises(ServiceUnavailable):
                await client.post("/")
        assert breaker.is_open
        with pytest.raises(ServiceUnavailable, match="left alone"):
            await client.get("/")
        assert len(service.requests) == 2
        now = 10.0
        with pytest.raises(ServiceUnavailable, match="500"):
            await client.post("/")
        with pytest.raises(ServiceUnavailable, match="left alone"):
            await client.post("/")
        now = 20.0
        assert (await client.post("/")).status_code == 200
        assert not breaker.is_open


async def test_a_call_given_up_by_its_caller_frees_the_probe(service: Service) -> None:
    now = 0.0
    breaker = CircuitBreaker(1, 1, clock=lambda: now)
    async with client_of(service, breaker=breaker) as client:
        service.answers = [Response(status_code=500), hang]
        with pytest.raises(ServiceUnavailable):
            await client.post("/")
        now = 1.0
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await client.get("/")
        assert (await client.get("/")).status_code == 200


def test_one_probe_at_a_time_and_counting_starts_anew_after_success() -> None:
    breaker = CircuitBreaker(2, 0, clock=time.monotonic)
    breaker.failure()
    breaker.success()
    breaker.failure()
    assert not breaker.is_open
    breaker.failure()
    assert breaker.is_open
    assert [breaker.allow(), breaker.allow()] == [True, False]
    breaker.success()
    assert [breaker.allow(), breaker.allow()] == [True, True]


class Thing(msgspec.Struct):
    name: str


async def test_answers_are_decoded_into_types(service: Service) -> None:
    service.answers = [JSONResponse({"name": "Ada"}), JSONResponse({"name": 3}), Response(b"<html>")]
    async with client_of(service) as client:
        assert decode(await client.get("/"), Thing) == Thing("Ada")
        for _ in range(2):
            with pytest.raises(ServiceUnavailable, match="not as agreed"):
                decode(await client.get("/v1/things"), Thing)


def _counted(service: str, outcome: str) -> float:
    labels = {"service": service, "outcome": outcome}
    return REGISTRY.get_sample_value("http_client_requests_total", labels) or 0.0
