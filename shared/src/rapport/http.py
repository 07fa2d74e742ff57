"""Calling another service: bounded in time, one retry where it is safe, and no calls to one that is down."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict, TypeVar, Unpack

import httpx
import msgspec

from rapport.circuit import CircuitBreaker
from rapport.errors import Problem
from rapport.telemetry import context
from rapport.telemetry.metrics import CLIENT_REQUESTS

__all__ = ["CircuitBreaker", "ServiceClient", "ServiceUnavailable", "decode"]

T = TypeVar("T")
Primitive = str | int | float | bool | None
Params = Mapping[str, Primitive | Sequence[Primitive]]

_SAFE: Final = frozenset({"GET", "HEAD"})
_PASSING: Final = frozenset({502, 503, 504})
_PAUSE: Final = (0.02, 0.1)
_encode = msgspec.json.Encoder().encode


class Options(TypedDict, total=False):
    """What a call may carry: `json` is encoded as the body, `content` sent as it is; `timeout` in seconds replaces the
    client's; `idempotency_key` makes a second try safe.
    """

    json: Any
    content: bytes | None
    params: Params | None
    headers: Mapping[str, str] | None
    timeout: float | None
    idempotency_key: str | None


class ServiceUnavailable(Problem):
    """Another service did not give a usable answer; `service` is its name, `reason` says how it failed."""

    status, name, title = 503, "service-unavailable", "A service that this answer needs is not available"

    def __init__(self, service: str, reason: str) -> None:
        super().__init__(f"{service} is not available: {reason}", headers={"Retry-After": "1"})
        self.service = service
        self.reason = reason


class ServiceClient:
    """Calls one service with this service's token, forwarding the request id and trace of the request at hand.

    `timeout` in seconds bounds a whole call, its retry included; `connect_timeout` each attempt to connect. 4xx
    answers are returned; no answer or 5xx raises `ServiceUnavailable`. GET and HEAD, and whatever carries an
    idempotency key, are tried a second time.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        token: str,
        *,
        connect_timeout: float = 0.5,
        timeout: float = 5.0,
        breaker: CircuitBreaker | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        max_connections: int = 100,
    ) -> None:
        self.name = name
        self.breaker = breaker or CircuitBreaker()
        self._timeout = timeout
        self._connect_timeout = connect_timeout
        base = httpx.URL(base_url)
        self._base = str(base).rstrip("/")
        self._headers = [
            (b"host", base.netloc),
            (b"accept", b"application/json"),
        ]
        # An empty credential is no valid header; without one the other side says what is missing.
        if token:
            self._headers.append((b"authorization", b"Bearer " + token.encode()))
        # Idle connections go before uvicorn's five seconds are over, or a request could meet a closing one.
        limits = httpx.Limits(
            max_connections=max_connections, max_keepalive_connections=max_connections, keepalive_expiry=4
        )
        # The transport without httpx's client, whose cookies, redirects and merging cost a fifth of each call.
        self._transport = transport or httpx.AsyncHTTPTransport(http2=False, trust_env=False, limits=limits)

    async def get(self, path: str, **options: Unpack[Options]) -> httpx.Response:
        """GET `path`; options and errors as for `request`."""
        return await self.request("GET", path, **options)

    async def post(self, path: str, **options: Unpack[Options]) -> httpx.Response:
        """POST to `path`; options and errors as for `request`."""
        return await self.request("POST", path, **options)

    async def put(self, path: str, **options: Unpack[Options]) -> httpx.Response:
        """PUT to `path`; options and errors as for `request`."""
        return await self.request("PUT", path, **options)

    async def patch(self, path: str, **options: Unpack[Options]) -> httpx.Response:
        """PATCH `path`; options and errors as for `request`."""
        return await self.request("PATCH", path, **options)

    async def delete(self, path: str, **options: Unpack[Options]) -> httpx.Response:
        """DELETE `path`; options and errors as for `request`."""
        return await self.request("DELETE", path, **options)

    async def request(self, method: str, path: str, **options: Unpack[Options]) -> httpx.Response:
        """The answer to one call, below 500; raises `ServiceUnavailable`."""
        clock = asyncio.get_running_loop().time
        timeout = options.get("timeout")
        deadline = clock() + (self._timeout if timeout is None else timeout)
        request = self._built(method, path, options)
        again = method in _SAFE or options.get("idempotency_key") is not None
        while True:
            response, failure = await self._attempt(request, deadline)
            if response is not None and failure is None:
                return response
            wait = random.uniform(*_PAUSE)  # noqa: S311  spreads retries, guards nothing
            if response is not None:
                again = again and response.status_code in _PASSING
                wait = max(wait, _retry_after(response))
            if not again or clock() + wait >= deadline:
                raise ServiceUnavailable(self.name, failure or "no answer")
            again = False
            await asyncio.sleep(wait)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    def _built(self, method: str, path: str, options: Options) -> httpx.Request:
        sent = self._headers.copy()
        if identity := context.request_id.get():
            sent.append((b"x-request-id", identity.encode()))
        if trace := context.traceparent.get():
            sent.append((b"traceparent", trace.encode()))
        key = options.get("idempotency_key")
        if key is not None:
            sent.append((b"idempotency-key", key.encode()))
        own = {name.lower().encode(): value.encode() for name, value in (options.get("headers") or {}).items()}
        body = options.get("json")
        content = options.get("content") if body is None else _encode(body)
        if content is not None:
            own.setdefault(b"content-type", b"application/json")
        if own:
            sent = [pair for pair in sent if pair[0] not in own] + list(own.items())
        return httpx.Request(method, self._base + path, params=options.get("params"), headers=sent, content=content)

    async def _attempt(self, request: httpx.Request, deadline: float) -> tuple[httpx.Response | None, str | None]:
        """The answer if there is one, and what is wrong with it or kept it away."""
        if not self.breaker.allow():
            CLIENT_REQUESTS.labels(self.name, "circuit_open").inc()
            raise ServiceUnavailable(self.name, "it failed repeatedly and is left alone for a moment")
        response: httpx.Response | None = None
        failure: str | None
        try:
            response = await self._sent(request, deadline)
        except (TimeoutError, httpx.TimeoutException) as error:
            outcome, failure = "timeout", f"it did not answer in time ({type(error).__name__})"
        except httpx.RequestError as error:
            outcome, failure = "connection_error", f"the connection failed ({type(error).__name__})"
        except BaseException:
            self.breaker.abandoned()
            raise
        else:
            outcome, failure = _judged(response)
        if failure is None:
            self.breaker.success()
        else:
            self.breaker.failure()
        CLIENT_REQUESTS.labels(self.name, outcome).inc()
        return response, failure

    async def _sent(self, request: httpx.Request, deadline: float) -> httpx.Response:
        left = max(deadline - asyncio.get_running_loop().time(), 0.001)
        connect = min(self._connect_timeout, left)
        # The pool's wait counts as connecting: a full pool must fail as fast as a host that is gone.
        request.extensions["timeout"] = {"connect": connect, "pool": connect, "read": left, "write": left}
        async with asyncio.timeout_at(deadline):
            response = await self._transport.handle_async_request(request)
            response.request = request
            try:
                await response.aread()
            finally:
                await response.aclose()
        return response


def decode(response: httpx.Response, type: type[T]) -> T:  # noqa: A002  named as msgspec names it
    """The body as `type`; raises `ServiceUnavailable` for an answer that is not what the contract says."""
    try:
        return msgspec.json.decode(response.content, type=type)
    except msgspec.MsgspecError as error:
        address = response.request.url
        raise ServiceUnavailable(
            address.netloc.decode(), f"its answer to {address.path} is not as agreed: {error}"
        ) from error


def _judged(response: httpx.Response) -> tuple[str, str | None]:
    if response.status_code >= 500:
        return "server_error", f"it answered {response.status_code}"
    return ("client_error" if response.status_code >= 400 else "ok"), None


def _retry_after(response: httpx.Response) -> float:
    """Seconds the service asks to be left alone; dates are not used between services."""
    value = response.headers.get("retry-after", "")
    return float(value) if value.isdecimal() else 0.0
