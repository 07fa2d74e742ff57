"""Which request this is: ids that log lines carry and calls to other services forward."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="")
traceparent: ContextVar[str] = ContextVar("traceparent", default="")

_request_id = re.compile(r"[!-~]{1,128}\Z")
_traceparent = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(?:-|\Z)")


def valid_request_id(value: str) -> bool:
    """Whether a caller's request id can be taken over: 1 to 128 printable ASCII characters without spaces."""
    return _request_id.match(value) is not None


def continued(header: str) -> str:
    """A new span below the caller's `traceparent` (W3C Trace Context level 1), or a new trace if it is not valid."""
    match = _traceparent.match(header)
    # Only versions after 00 may have more fields.
    if match is None or (len(header) > 55 and header.startswith("00")):
        return new_trace()
    return f"00-{match[1]}-{os.urandom(8).hex()}-{match[2]}"


def new_trace() -> str:
    """A `traceparent` that begins a trace, sampled."""
    ids = os.urandom(24).hex()
    return f"00-{ids[:32]}-{ids[32:]}-01"


def trace_id() -> str:
    """The 32 hexadecimal digits of the trace at hand, empty outside one."""
    return traceparent.get()[3:35]


@contextmanager
def traced(name: str = "") -> Iterator[str]:
    """A trace of its own for work that no request started, such as a job; gives its request id."""
    trace = new_trace()
    identity = f"{name}-{trace[3:35]}" if name else trace[3:35]
    tokens = (request_id.set(identity), traceparent.set(trace))
    try:
        yield identity
    finally:
        request_id.reset(tokens[0])
        traceparent.reset(tokens[1])
