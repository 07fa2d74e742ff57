"""Log lines: one JSON object each on standard output, with the request they belong to, personal data masked."""

import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, BinaryIO, Final

import msgspec

from rapport.telemetry.context import request_id, trace_id
from rapport.telemetry.masking import mask, masked_field

ACCESS_LOGGER: Final = "rapport.access"
ALREADY_LOGGED: Final = "rapport_already_logged"

_encode = msgspec.json.Encoder().encode
_standard_fields = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}
_uvicorn_loggers = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")


class Output:
    """Where lines go; each is written whole and at once, so that a killed process loses none."""

    stream: BinaryIO | None = None

    def write(self, line: bytes) -> None:
        """Append one line."""
        stream = self.stream
        if stream is not None:
            stream.write(line + b"\n")
            stream.flush()


output: Final = Output()


class JsonHandler(logging.Handler):
    """Writes records as JSON lines to `output`."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self.service = service

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; what goes wrong with it is shown the standard way and stops nobody."""
        try:
            output.write(self.line(record))
        except Exception:  # noqa: BLE001  logging's own rule for handlers
            self.handleError(record)

    def line(self, record: logging.LogRecord) -> bytes:
        """The record as one JSON object: time (RFC 3339, UTC), level, logger, message, service, ids, extra fields."""
        fields: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname,
            "logger": record.name,
            "message": mask(record.getMessage()),
            "service": self.service,
        }
        if identity := request_id.get():
            fields["request_id"] = mask(identity)
        if trace := trace_id():
            fields["trace_id"] = trace
        if record.__dict__.keys() - _standard_fields:
            for name, value in record.__dict__.items():
                if name not in _standard_fields and name not in fields:
                    fields[name] = masked_field(name, value)
        stack = _stack(record)
        if stack:
            fields["stack"] = mask(stack)
        return _encode(fields)


def configure(service: str, level: str = "INFO") -> None:
    """Send all logging of this process, uvicorn's too, to standard output as JSON lines; may be called again."""
    output.stream = sys.stdout.buffer if hasattr(sys.stdout, "buffer") else None
    handler = JsonHandler(service)
    handler.addFilter(_unless_logged)
    root = logging.getLogger()
    for installed in [each for each in root.handlers if isinstance(each, JsonHandler)]:
        root.removeHandler(installed)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _uvicorn_loggers:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    # One line for each request is written by the middleware; httpx would add one for each call between services.
    for name in ("uvicorn.access", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _unless_logged(record: logging.LogRecord) -> bool:
    """Drops what the server says about an exception that the middleware has logged with its request."""
    error = record.exc_info[1] if record.exc_info else None
    return not (getattr(error, ALREADY_LOGGED, False) and record.name.startswith("uvicorn"))


def _stack(record: logging.LogRecord) -> str:
    parts = []
    if record.exc_info and record.exc_info[0] is not None:
        parts.append("".join(traceback.format_exception(*record.exc_info)))
    elif record.exc_text:
        parts.append(record.exc_text)
    if record.stack_info:
        parts.append(record.stack_info)
    return "\n".join(part.rstrip() for part in parts)
