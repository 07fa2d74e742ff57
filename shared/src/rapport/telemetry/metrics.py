"""Prometheus metrics of this process and the page that shows them."""

from collections.abc import Callable
from typing import Final

from fastapi import APIRouter, Request, Response
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.exposition import choose_encoder

REGISTRY: Final = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

REQUESTS: Final = Counter("http_requests", "Requests answered", ["method", "route", "status"], registry=REGISTRY)
DURATION: Final = Histogram(
    "http_request_duration_seconds",
    "Time from the request's head to the end of its answer",
    ["method", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=REGISTRY,
)
CLIENT_REQUESTS: Final = Counter(
    "http_client_requests", "Calls to other services, each attempt", ["service", "outcome"], registry=REGISTRY
)
FEED_LAG: Final = Gauge(
    "feed_consumer_lag_seconds",
    "Age of the last event applied, 0 when the feed has no more",
    ["consumer"],
    registry=REGISTRY,
)

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_recorders: dict[tuple[str, str, int], tuple[Callable[[], None], Callable[[float], None]]] = {}

router = APIRouter(tags=["operations"])


def record_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count one answered request; `route` is a template, never a raw path, so that series stay few."""
    recorder = _recorders.get((method, route, status))
    if recorder is None:
        # The children of label values are looked up once: that costs more than counting.
        known = method if method in _METHODS else "OTHER"
        recorder = (REQUESTS.labels(known, route, str(status)).inc, DURATION.labels(known, route).observe)
        if known == method:
            _recorders[method, route, status] = recorder
    count, observe = recorder
    count()
    observe(seconds)


def register_feed_lag(consumer: str, seconds: Callable[[], float]) -> None:
    """Show `feed_consumer_lag_seconds{consumer}` from a function asked at each scrape."""
    FEED_LAG.labels(consumer).set_function(seconds)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request) -> Response:
    """Counters and durations in Prometheus' text format, or OpenMetrics when asked for."""
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(REGISTRY), headers={"content-type": content_type})
