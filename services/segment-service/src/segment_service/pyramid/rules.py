"""The value pyramid's classes and cut-offs (after Curry, "The Customer Marketing Method")."""

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
Basis = Literal["revenue", "profit"]


class Cutoffs(NamedTuple):
    """Cumulative shares of the active customers in parts per million: whole numbers, so that no ceiling is off."""

    top: int = 10_000
    large: int = 50_000
    medium: int = 200_000

    def limits(self, active: int) -> tuple[int, int, int]:
        """The last ranks of top, large and medium among `active` customers: ceil(share * active)."""
        top, large, medium = (-(-active * share // 1_000_000) for share in self)
        return top, large, medium
