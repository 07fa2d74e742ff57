"""Two records that may be of one person."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Weight:
    """What a field says: `weight` is log2 of how much likelier it is for one person than for two."""

    field: str
    level: str
    weight: float


@dataclass(frozen=True, slots=True)
class Pair:
    """Two records by their numbers, `a` < `b`, and how probable it is that they are one person.

    `lacks` names what they would need besides to be linked without anybody's word.
    """

    a: int
    b: int
    probability: float
    weights: tuple[Weight, ...]
    lacks: tuple[str, ...] = ()
