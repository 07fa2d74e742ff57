"""Why a small customer is small: pure rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, NamedTuple

from segment_service.pyramid.rules import ValueClass

Origin = Literal["stated", "estimated", "benchmark"]
# What the customer says outranks what staff think, and that what is usual; of the same origin the newest counts.
ORIGINS: Final[tuple[Origin, ...]] = ("stated", "estimated", "benchmark")
Quadrant = Literal["small_firm", "cautious", "buys_elsewhere", "unknown"]
QUADRANTS: Final[tuple[Quadrant, ...]] = ("small_firm", "cautious", "buys_elsewhere", "unknown")
_NOT_SMALL: Final[frozenset[str]] = frozenset({"top", "large", "medium"})
_SMALL_SIZES: Final = frozenset({"micro", "small", "tiny", "1", "1-9", "1-10", "2-10", "10-49", "11-50"})
YEAR: Final = 365


class Benchmark(NamedTuple):
    """What customers of a kind, size and class usually spend a year; None fits all."""

    kind: str | None
    size: str | None
    value_class: str | None
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a customer; amounts are over the period, in the service's own currency.

    `bound` is what the last customer above small buys, `usual` what customers like this one usually spend in all.
    """

    value_class: ValueClass
    own: Decimal
    total: Decimal | None
    origin: Origin | None
    is_small_firm: bool | None
    usual: Decimal | None
    bound: Decimal | None
    competitors: Sequence[str]


def over(amount: Decimal, period_days: int) -> Decimal:
    """An amount a year, over the period."""
    return (amount * period_days / YEAR).quantize(Decimal("0.01"))


def share(own: Decimal, total: Decimal | None) -> float | None:
    """What part of all that a customer buys is bought here: at most all of it, None if nobody knows."""
    if total is None or total <= 0:
        return None
    return round(float(min(max(own, Decimal(0)) / total, Decimal(1))), 4)


def open_potential(own: Decimal, total: Decimal | None) -> Decimal | None:
    """What they buy elsewhere."""
    return None if total is None else max(total - own, Decimal(0))


def is_small_firm(kind: str, size: str | None, employees: Decimal | None, fewer_than: int) -> bool | None:
    """Whether an organisation is small by its size in words or people; None for a person, and if nobody knows."""
    if kind != "organisation" or (size is None and employees is None):
        return None
    if employees is not None:
        return employees < fewer_than
    return size is not None and size.strip().lower() in _SMALL_SIZES


def usual(benchmarks: Sequence[Benchmark], kind: str, size: str | None, value_class: str) -> Decimal | None:
    """What the first benchmark that fits says."""
    for each in benchmarks:
        if each.kind in {None, kind} and each.size in {None, size} and each.value_class in {None, value_class}:
            return each.amount
    return None


def quadrant(known: Known, low_share: Decimal) -> tuple[Quadrant | None, list[str]]:
    """Why a customer below medium is, with the reasons; None for who is not small.

    Whoever would still be small with all that they buy anywhere has a small purse: a small firm, or cautious if their
    likes spend enough for medium. Whoever has a large purse and leaves less than `low_share` of it here buys elsewhere.
    """
    if known.value_class in _NOT_SMALL:
        return None, [f"is {known.value_class}"]
    served = [f"{each} serves them too" for each in known.competitors]
    sized = ["is a small organisation by its size"] if known.is_small_firm else []
    if known.total is None or known.bound is None:
        missing = (
            "nobody has said what they spend in all"
            if known.total is None
            else "no ranking has found a customer above small yet"
        )
        return ("small_firm" if known.is_small_firm else "unknown"), [*sized, missing, *served]
    if known.total < known.bound:
        return _small_purse(known, known.total, known.bound, sized, served)
    part = share(known.own, known.total) or 0.0
    spends = f"spends {known.total} in all, {part:.0%} of it here"
    if known.origin == "benchmark" and not known.competitors:
        return "unknown", [*sized, spends, "by what is usual: nobody has said what this one spends"]
    if part < low_share:
        return "buys_elsewhere", [spends, f"less than {low_share:.0%} is little", *served]
    return "unknown", [*sized, spends, "that is most of it", *served]


def _small_purse(
    known: Known, total: Decimal, bound: Decimal, sized: list[str], served: list[str]
) -> tuple[Quadrant, list[str]]:
    spends = f"spends {total} in all, with which nobody is above small: that takes {bound}"
    if known.origin != "benchmark" and known.usual is not None and known.usual >= bound and not known.is_small_firm:
        return "cautious", [spends, f"customers like this one spend {known.usual}", *served]
    return "small_firm", [*sized, spends, *served]
