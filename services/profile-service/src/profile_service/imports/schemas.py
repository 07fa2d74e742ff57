"""Bodies of the calls about imports."""

from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from rapport.identity import KIND_PATTERN
from rapport.text import CleanText

from profile_service.facts.places import COUNTRIES
from profile_service.facts.traits import MAX_NAME, InvalidTrait, flatten
from profile_service.fields import ShortText, Time
from profile_service.imports.dates import DateFormat
from profile_service.imports.rules import Column, Role
from profile_service.jobs.schemas import State
from profile_service.ledger.records import PROFILE


def _country(value: object) -> object:
    if not isinstance(value, str) or value.strip().upper() not in COUNTRIES:
        raise ValueError("Give a country by its two letters in ISO 3166-1, for example TW.")
    return value.strip().upper()


def _end_of_day(value: object) -> object:
    """A date alone holds to its end."""
    if isinstance(value, str) and len(value) == 10:
        return datetime.combine(date.fromisoformat(value), time(23, 59, 59), UTC)
    return value


def _basis(value: object) -> object:
    return None if isinstance(value, str) and value.strip().lower() in {"", "none", "unknown"} else value


def _date_format(value: object) -> object:
    if isinstance(value, str):
        DateFormat.parse(value.strip())
        return value.strip()
    return value


DateText = Annotated[
    CleanText,
    BeforeValidator(_date_format),
    Field(
        min_length=1,
        max_length=50,
        examples=["DD/MM/YYYY"],
        description="How dates are written: YYYY or YY (last two digits of a year that has begun) or ROC (year of the "
        "Republic of China), MM or MMM (English name of the month), DD, in any order and with any marks between; "
        "or the directives %Y %y %m %b %d. YYYY-MM-DD is always understood",
    ),
]
Country = Annotated[str, BeforeValidator(_country)]
Key = Annotated[CleanText, Field(min_length=1, max_length=MAX_NAME)]


class Target(BaseModel):
    """What a column holds: exactly one of these."""

    model_config = ConfigDict(extra="forbid")

    identifier: Annotated[str | None, Field(pattern=KIND_PATTERN, examples=["email"])] = None
    trait: Annotated[Key | None, Field(description="Dotted for nested traits: `address.postcode`")] = None
    fact: Key | None = None
    ignore: Literal[True] | None = None
    date_format: Annotated[
        DateText | None, Field(description="If other than the list's; makes the column one of days")
    ] = None

    @model_validator(mode="after")
    def _one(self) -> "Target":
        given = [each for each in (self.identifier, self.trait, self.fact, self.ignore) if each is not None]
        if len(given) != 1:
            raise ValueError("Give exactly one of identifier, trait, fact, ignore.")
        if self.date_format is not None and not (self.trait or self.fact):
            raise ValueError("Only a trait or a fact can have a date_format.")
        if self.identifier == PROFILE:
            raise ValueError("This kind of identifier is the product's own.")
        if key := self.trait or self.fact:
            try:
                flatten({key: None})
                for depth, part in enumerate(key.split("."), 1):
                    flatten({part: None}, depth=depth)
            except InvalidTrait as error:
                raise ValueError(error.detail) from error
            if key == "address":
                raise ValueError("Map the parts of an address: address.street, address.city and so on.")
        return self

    def column(self, name: str) -> Column | None:
        """As the rules see it; None for a column that is ignored."""
        roles: dict[Role, str | None] = {"identifier": self.identifier, "trait": self.trait, "fact": self.fact}
        return next((Column(name, role, key, self.date_format) for role, key in roles.items() if key is not None), None)


class Spec(BaseModel):
    """What a list is and how to read it.

    Without `lawful_basis`, past `expires_at` or for a purpose that is not in `permitted_uses` nobody is contacted
    merely because of the list.
    """

    model_config = ConfigDict(extra="forbid")

    source: ShortText
    lawful_basis: Annotated[ShortText | None, BeforeValidator(_basis)] = None
    permitted_uses: Annotated[list[ShortText], Field(max_length=50, description="Purposes, as consents name them")] = []
    expires_at: Annotated[Time | None, BeforeValidator(_end_of_day)] = None
    country: Country | None = None
    date_format: DateText | None = None
    mapping: Annotated[dict[Key, Target], Field(min_length=1, max_length=200)]

    @property
    def columns(self) -> list[Column]:
        """Columns that are read."""
        found = (target.column(name) for name, target in self.mapping.items())
        return [each for each in found if each is not None]


class FormatAnswer(BaseModel):
    """How the file is read, as far as that was guessed; null where it does not apply."""

    format: Literal["csv", "ndjson", "parquet"]
    encoding: str | None
    byte_order_mark: bool
    delimiter: str | None
    quote: str | None
    columns: list[str]


class ImportAnswer(BaseModel):
    """A list and how far its import is: `rows` were read, of them `accepted` and `rejected`."""

    id: UUID
    state: State
    rows: int
    accepted: int
    rejected: int
    error: str | None
    job_id: UUID
    source: str
    lawful_basis: str | None
    permitted_uses: list[str]
    expires_at: datetime | None
    country: str
    date_format: str | None
    mapping: dict[str, dict[str, Any]]
    file_name: str
    file_size: int
    file_format: FormatAnswer
    created_by: str
    created_at: AwareDatetime
    finished_at: datetime | None


class FaultAnswer(BaseModel):
    """What is wrong with a row; `column` is null for the row as a whole, `value` shown to those who may see it."""

    column: str | None
    reason: str
    value: str | None


class PreviewRow(BaseModel):
    """A row as it would be read; one with faults would not be taken."""

    row: int
    accepted: bool
    identifiers: list[dict[str, str]]
    traits: dict[str, Any]
    faults: list[FaultAnswer]


class DatesAnswer(BaseModel):
    """How the dates of a column can be read, as far as its first rows tell.

    `given` is the format that the specification names, `fitting` are those in which all of the `values` are days;
    `suggested` is the only one, or the one given if it fits, null when none is needed; `ambiguous` if there are several
    and none is given.
    """

    column: str
    values: int
    given: str | None
    suggested: str | None
    fitting: list[str]
    ambiguous: bool
    detail: str


class PreviewAnswer(BaseModel):
    """The first rows of a file; `unmapped` are columns of the file that the mapping does not name."""

    file_format: FormatAnswer
    rows: list[PreviewRow]
    accepted: int
    rejected: int
    dates: list[DatesAnswer]
    unmapped: list[str]
