"""Reading a body within bounds: its size, its compression, its characters, its depth."""

import json
import re
import zlib
from itertools import accumulate
from typing import Any

import msgspec
from fastapi import Request

from interaction_service.collector.errors import Unreadable

BATCH_BYTES = 500 * 1024
MESSAGE_BYTES = 32 * 1024
MAX_DEPTH = 64

_GZIP = b"\x1f\x8b"
_gzip_window = zlib.MAX_WBITS | 16
_anything = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_not_brackets = bytes(set(range(256)) - set(b"[]{}"))
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_string = re.compile(rb'"(?:[^"\\]|\\.)*"')
_lone_surrogate = re.compile("[\ud800-\udfff]")


async def read(request: Request) -> bytes:
    """The body, unpacked if it is gzip, at most `BATCH_BYTES` both ways; raises `Unreadable`."""
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > BATCH_BYTES:
            raise Unreadable(f"A body has at most {BATCH_BYTES} bytes; send smaller batches.")
    body = bytes(received)
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding in {"gzip", "x-gzip"} or body.startswith(_GZIP):
        return unpacked(body)
    if encoding not in {"", "identity"}:
        raise Unreadable("Content-Encoding is gzip or left out.")
    return body


def unpacked(body: bytes) -> bytes:
    """A gzip body's content, never more than `BATCH_BYTES` of it in memory; raises `Unreadable`."""
    unpacker = zlib.decompressobj(_gzip_window)
    try:
        content = unpacker.decompress(body, BATCH_BYTES + 1)
    except zlib.error as error:
        raise Unreadable("The body is not gzip, though its head or Content-Encoding says so.") from error
    if len(content) > BATCH_BYTES:
        raise Unreadable(f"A body has at most {BATCH_BYTES} bytes unpacked; send smaller batches.")
    if not unpacker.eof or unpacker.unused_data:
        raise Unreadable("The gzip body is cut short or has something behind its end.")
    return content


def checked(body: bytes) -> bytes:
    """JSON that everybody downstream can read: the body itself, or a mended copy; raises `Unreadable`.

    NUL characters, which PostgreSQL cannot store in text, are left out; a surrogate without its other half becomes
    U+FFFD.
    """
    if b"\\u" in body:
        lowered = body.lower()
        if b"\\u0000" in lowered or b"\\ud" in lowered:
            body = _mended(body)
    try:
        # Parts are kept as they came, unread; reading everything once finds what a reader elsewhere would trip over.
        _anything(body)
    except RecursionError as error:
        raise Unreadable(f"JSON may be nested {MAX_DEPTH} levels deep.") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Unreadable(f"The body is not valid JSON in UTF-8: {error}.") from error
    return body


def too_deep(message: bytes) -> bool:
    """Whether JSON is nested deeper than `MAX_DEPTH`; almost always settled by counting its brackets."""
    if message.count(b"[") + message.count(b"{") <= MAX_DEPTH:
        return False
    brackets = _string.sub(b"", message).translate(None, _not_brackets)
    return max(accumulate(_STEP[bracket] for bracket in brackets)) > MAX_DEPTH


def _mended(body: bytes) -> bytes:
    try:
        return _encode(_clean(json.loads(body, parse_constant=_refuse_constant)))
    except RecursionError as error:
        raise Unreadable(f"JSON may be nested {MAX_DEPTH} levels deep.") from error
    except ValueError as error:
        raise Unreadable(f"The body is not valid JSON in UTF-8: {error}.") from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _lone_surrogate.sub("\ufffd", value.replace("\0", ""))
    if isinstance(value, dict):
        return {_clean(key): _clean(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_clean(each) for each in value]
    return value
