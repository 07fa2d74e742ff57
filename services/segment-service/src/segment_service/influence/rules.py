"""What a referral counts: pure rules."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from segment_service.pyramid.rules import ValueClass

# Classes whose own spend is not low.
BIG: Final[frozenset[ValueClass]] = frozenset({"top", "large"})


@dataclass(frozen=True, slots=True)
class ReferralRule:
    """A referred customer's sales of the period count for the referrer times `decay` to the power of the depth, from 1
    for those whom the referrer brought directly, down to `depth`."""

    decay: Decimal
    depth: int

    def text(self, period_days: int) -> str:
        """Names these figures and no others."""
        return f"{self.decay.normalize()}/{self.depth}/{period_days}"


def leads(value_class: str, own: Decimal, brought: Decimal) -> bool:
    """Whether somebody is an opinion leader: neither top nor large, and bringing more than they buy."""
    return value_class not in BIG and brought > own


def ratio(own: Decimal, brought: Decimal) -> float | None:
    """What somebody brings for each unit of money that they spend; None for who spends nothing."""
    return round(float(brought / own), 4) if own > 0 else None
