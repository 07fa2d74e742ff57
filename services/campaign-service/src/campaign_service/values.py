"""Types of values that requests carry, checked for what PostgreSQL and e-mail can hold."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

JSON_DEPTH = 20


def _without_nul(value: str) -> str:
    if "\x00" in value:
        raise ValueError("remove the NUL character (\\u0000)")
    return value


def one_line(value: str) -> str:
    if not value.isprintable():
        raise ValueError("remove control characters and line breaks")
    return value


def storable(value: Any, depth: int = 0) -> Any:
    """`value` if it is JSON that can be stored; raises `ValueError`."""
    if depth > JSON_DEPTH:
        raise ValueError(f"nested deeper than {JSON_DEPTH} levels")
    if isinstance(value, str):
        _without_nul(value)
        value.encode()
    elif isinstance(value, dict):
        for key, each in value.items():
            storable(key, depth + 1)
            storable(each, depth + 1)
    elif isinstance(value, list):
        for each in value:
            storable(each, depth + 1)
    elif isinstance(value, float) and not abs(value) < float("inf"):
        raise ValueError("NaN and infinity are not JSON")
    elif isinstance(value, int) and abs(value) > 1 << 63:
        raise ValueError("numbers have at most 63 bits")
    return value


def _within_calendar(value: datetime) -> datetime:
    if not 1900 <= value.year <= 2200:
        raise ValueError("years from 1900 to 2200")
    return value


Line = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(one_line)]
Text = Annotated[str, StringConstraints(max_length=200_000), AfterValidator(_without_nul)]
Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,99}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$", max_length=35)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Amount = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=6)]
JsonObject = Annotated[dict[str, Any], AfterValidator(storable)]
Moment = Annotated[AwareDatetime, AfterValidator(_within_calendar)]


class Strict(BaseModel):
    """A body that has the members named and no others."""

    model_config = ConfigDict(extra="forbid")


class Money(Strict):
    """An amount of a currency; the amount is written as text so that nothing is rounded on the way."""

    amount: Amount
    currency: Currency
