"""The units of time that a model can be fitted in."""

from collections.abc import Mapping
from typing import Final

UNITS: Final[Mapping[str, float]] = {"days": 1.0, "weeks": 7.0, "months": 365.25 / 12, "years": 365.25}
"""Days in a unit."""
