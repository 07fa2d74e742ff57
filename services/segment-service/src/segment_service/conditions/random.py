"""Random splits: a draw is a function of the profile and the salt alone, the same on every engine. Pure.

The draw is the number that the first 13 hexadecimal digits of the MD5 of `<salt>:<profile_id>` make, of 16^13. MD5 is
the one hash that PostgreSQL, DuckDB and Spark all give as the same text; 52 bits are compared as text of one length.
"""

from decimal import ROUND_CEILING, Decimal
from hashlib import md5
from typing import Final
from uuid import UUID

DIGITS: Final = 13
SCALE: Final = 16**DIGITS


def draw(salt: str, profile: UUID) -> int:
    """A whole number from 0 up to, not including, `SCALE`."""
    return int(md5(f"{salt}:{profile}".encode(), usedforsecurity=False).hexdigest()[:DIGITS], 16)


def threshold(share: Decimal) -> int:
    """The smallest draw that is not below a share from 0 to 1."""
    return int((share * SCALE).to_integral_value(rounding=ROUND_CEILING))


def digits(number: int) -> str:
    """A draw as the engines compare it."""
    return f"{number:0{DIGITS}x}"
