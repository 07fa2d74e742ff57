"""Money as the interface shows it."""

from decimal import Decimal
from typing import Annotated

import msgspec
from pydantic import BaseModel, Field


class Money(BaseModel):
    """An exact amount with two decimals, and its ISO 4217 currency."""

    amount: Annotated[str, Field(pattern=r"^-?[0-9]+\.[0-9]{2}$", examples=["12.50"])]
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$", examples=["USD"])]


class MoneyOut(msgspec.Struct):
    """The same for hot paths."""

    amount: str
    currency: str


def amount_text(amount: Decimal) -> str:
    """The amount with exactly two decimals."""
    return f"{amount:.2f}"
