"""Types that the bodies of several features use."""

from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints
from rapport.identity import KIND_PATTERN
from rapport.text import CleanText


def _within_reason(value: datetime) -> datetime:
    if not 1900 <= value.year <= 2200:
        raise ValueError("Give a time between the years 1900 and 2200.")
    return value.astimezone(UTC)


Time = Annotated[AwareDatetime, AfterValidator(_within_reason)]
Count = Annotated[int, Meta(ge=0, lt=2**31)]  # as cursors hold it
ShortText = Annotated[CleanText, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
LongText = Annotated[CleanText, StringConstraints(max_length=4_000)]
Name = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$", description="Lower-case letters, digits and underscores")
]


class IdentifierBody(BaseModel):
    """An identifier by kind and value, in any spelling."""

    model_config = ConfigDict(extra="forbid")

    kind: Annotated[str, Field(pattern=KIND_PATTERN, examples=["email"])]
    value: Annotated[CleanText, StringConstraints(min_length=1, max_length=512), Field(examples=["ada@example.org"])]


class IdentifierAnswer(BaseModel):
    """An identifier in its canonical form."""

    kind: str
    value: str
