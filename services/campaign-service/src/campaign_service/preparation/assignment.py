"""Random assignment to arms: a function of the person and the campaign's salt alone."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

# Frozen, all of this file: who is in whose control group was decided with it.
_GAMMA: Final = np.uint64(0x9E3779B97F4A7C15)
_FIRST: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND: Final = np.uint64(0x94D049BB133111EB)
_UNIT: Final = 2.0**-53


def splitmix64(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The output of SplitMix64 for these states.

    Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014, with Stafford's mix 13.
    """
    mixed = values + _GAMMA
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
    return mixed ^ (mixed >> np.uint64(31))


def draws(ids: Sequence[UUID], salt: int) -> NDArray[np.float64]:
    """A number in [0, 1) for each id, the same whenever and with whomever it is drawn."""
    halves = np.frombuffer(b"".join(each.bytes for each in ids), dtype=">u8").astype(np.uint64).reshape(-1, 2)
    mixed = splitmix64(splitmix64(halves[:, 0] ^ np.uint64(salt)) ^ halves[:, 1])
    return (mixed >> np.uint64(11)).astype(np.float64) * _UNIT


def assign(ids: Sequence[UUID], salt: int, arms: Sequence[tuple[str, float]]) -> list[str]:
    """An arm for each id; `arms` are (name, share), the shares adding up to 1."""
    if not ids:
        return []
    edges = np.cumsum([share for _, share in arms])[:-1]
    names = [name for name, _ in arms]
    return [names[index] for index in np.searchsorted(edges, draws(ids, salt), side="right")]
