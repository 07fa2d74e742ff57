"""The value pyramid's classes and cut-offs (after Curry, "The Customer Marketing Method")."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, Literal, NamedTuple

ValueClass = Literal["top", "large", "medium", "small", "inactive", "prospect", "suspect"]
VALUE_CLASSES: Final[tuple[ValueClass, ...]] = (
    "top",
    "large",
    "medium",
    "small",
    "inactive",
    "prospect",
    "suspect",
)
REST_OF_WORLD: Final = "rest_of_world"
_MILLION: Final = 1_000_000
Basis = Literal["revenue", "profit"]
CutBy = Literal["customers", "sales"]


class Cutoffs(NamedTuple):
    """Where classes end, in parts per million from the best customer on: whole numbers, so that no ceiling is off.

    By `customers`: top are the first ceil(top * active), and so on. By `sales`: top are the fewest customers, best
    first, who together make at least that share of all sales above zero: whoever has less than the share ahead of them
    belongs to it. Equal sales are told apart by the order of the ranking. Who sold nothing or less is small.
    """

    top: int = 10_000
    large: int = 50_000
    medium: int = 200_000
    by: CutBy = "customers"

    @classmethod
    def of(cls, shares: Sequence[Decimal], by: CutBy) -> "Cutoffs":
        """Cut-offs from three cumulative shares."""
        top, large, medium = (int(share * _MILLION) for share in shares)
        return cls(top, large, medium, by)

    @property
    def shares(self) -> tuple[float, float, float]:
        """The three shares as fractions."""
        return self.top / _MILLION, self.large / _MILLION, self.medium / _MILLION

    def limits(self, active: int) -> tuple[int, int, int]:
        """The last ranks of top, large and medium among `active` customers, cut by customers: ceil(share * active)."""
        top, large, medium = (-(-active * share // _MILLION) for share in self[:3])
        return top, large, medium
