"""Cursor pagination: opaque cursors over a stable order."""

import base64
import binascii
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from fastapi import Query
from pydantic import BaseModel

from rapport.errors import Invalid

T = TypeVar("T")

Limit = Annotated[int, Query(ge=1, le=500, description="How many items at most")]
Cursor = Annotated[str | None, Query(max_length=1000, description="`next_cursor` of the page before")]


class Page(BaseModel, Generic[T]):
    """One page of a list; `next_cursor` is null on the last."""

    items: list[T]
    next_cursor: str | None = None


def encode_cursor(*parts: Any) -> str:
    """A cursor from the sort key of the last item; parts are JSON values, times and UUIDs."""
    return base64.urlsafe_b64encode(msgspec.json.encode(parts)).decode().rstrip("=")


def decode_cursor(cursor: str, shape: type[T]) -> T:
    """The parts of a cursor as `shape` (a tuple type); raises `Invalid` for one that this service did not make."""
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=shape)
    except (msgspec.MsgspecError, binascii.Error, ValueError) as error:
        detail = "The cursor is not one that this list gave."
        raise Invalid(detail, errors=[{"pointer": "/cursor", "detail": detail}]) from error
