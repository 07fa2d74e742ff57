"""Scores for recency, frequency and money as rules name them: a group, or three digits such as `555`. Pure."""

from functools import cache
from itertools import product
from typing import Final

from segment_service.standing.rules import rfm_group

_GROUPS: Final = {(r, f, m): rfm_group(r, f, m) for r, f, m in product(range(1, 6), repeat=3)}
RFM_GROUPS: Final[tuple[str, ...]] = tuple(dict.fromkeys(_GROUPS.values()))
SCORE_WORDS: Final[tuple[str, ...]] = (*RFM_GROUPS, *(f"{r}{f}{m}" for r, f, m in _GROUPS))


@cache
def codes(word: str | None = None) -> tuple[int, ...]:
    """The scores that a word means, as numbers such as 545; all of them without a word."""
    return tuple(r * 100 + f * 10 + m for (r, f, m), group in _GROUPS.items() if word in {None, group, f"{r}{f}{m}"})
