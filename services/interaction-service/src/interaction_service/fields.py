"""Types of values that requests carry, checked for what PostgreSQL and readers of the feed can hold."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints
from rapport.identity import KIND_PATTERN, MAX_LENGTH, Identifier, InvalidIdentifiers, normalise_all

from interaction_service.collector.body import MAX_DEPTH, MESSAGE_BYTES, too_deep
from interaction_service.errors import IdentifiersInvalid


def _without_nul(value: str) -> str:
    if "\x00" in value:
        raise ValueError("remove the NUL character (\\u0000)")
    return value


def _storable(value: dict[str, Any]) -> dict[str, Any]:
    try:
        written = msgspec.json.encode(value)
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as error:
        raise ValueError(f"this cannot be written as JSON in UTF-8: {error}") from error
    if len(written) > MESSAGE_BYTES:
        raise ValueError(f"at most {MESSAGE_BYTES} bytes of JSON")
    if b"\\u0000" in written:
        raise ValueError("remove the NUL characters (\\u0000)")
    if too_deep(written):
        raise ValueError(f"at most {MAX_DEPTH} levels deep")
    return value


def _within_calendar(value: datetime) -> datetime:
    if not 1900 <= value.year <= 2200:
        raise ValueError("years from 1900 to 2200")
    return value


Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_without_nul)
]
Text = Annotated[str, StringConstraints(min_length=1, max_length=20_000), AfterValidator(_without_nul)]
Channel = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$")]
Kind = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9 ._-]{0,63}$")]
JsonObject = Annotated[dict[str, Any], AfterValidator(_storable)]
Moment = Annotated[AwareDatetime, AfterValidator(_within_calendar)]


class Strict(BaseModel):
    """A body that has the members named and no others."""

    model_config = ConfigDict(extra="forbid")


class GivenIdentifier(Strict):
    """An identifier as a channel has it, in any spelling."""

    kind: Annotated[str, Field(pattern=KIND_PATTERN, examples=["email"])]
    value: Annotated[str, Field(min_length=1, max_length=MAX_LENGTH, examples=["Ada@Example.org"])]


Identifiers = Annotated[list[GivenIdentifier], Field(min_length=1, max_length=20)]


def canonical(given: list[GivenIdentifier], country: str, pointer: str = "") -> list[Identifier]:
    """The identifiers in canonical form; raises `IdentifiersInvalid` with pointers below `pointer`."""
    try:
        return normalise_all(((each.kind, each.value) for each in given), country)
    except InvalidIdentifiers as error:
        raise IdentifiersInvalid(
            str(error), errors=[{**each, "pointer": pointer + each["pointer"]} for each in error.errors]
        ) from error
