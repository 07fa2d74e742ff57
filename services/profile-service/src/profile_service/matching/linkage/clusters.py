"""Persons from pairs."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import product

import jellyfish

from profile_service.matching.linkage.pair import Pair
from profile_service.matching.linkage.requirements import ONE_PERSON_AMONG_ALL

_FURTHEST = 2  # digits that two birth dates of one person may differ in


class _Forest:
    """Sets of records that are one person each, known by their first record."""

    def __init__(self) -> None:
        self._first: dict[int, int] = {}

    def find(self, record: int) -> int:
        first = self._first
        while (above := first.get(record, record)) != record:
            first[record] = record = first.get(above, above)
        return record

    def join(self, a: int, b: int) -> None:
        self._first[max(a, b)] = min(a, b)


def clusters(count: int, pairs: Iterable[Pair], at_least: float) -> list[int]:
    """The first record of each one's cluster; pairs that lack nothing and have a probability of `at_least` are one."""
    forest = _Forest()
    for pair in pairs:
        if pair.probability >= at_least and not pair.lacks:
            a, b = forest.find(pair.a), forest.find(pair.b)
            if a != b:
                forest.join(a, b)
    return [forest.find(record) for record in range(count)]


def consistent(pairs: Iterable[Pair], births: Mapping[int, str]) -> Iterator[Pair]:
    """The same pairs, the surest first; those lack something that would make one person of two birth dates.

    A record that says little goes with each of two people; the surer of the two pairs stands. `births` are `YYYYMMDD`
    by record, where known.
    """
    forest = _Forest()
    known: dict[int, set[str]] = {}
    for pair in pairs:
        if pair.lacks:
            yield pair
            continue
        a, b = forest.find(pair.a), forest.find(pair.b)
        if a == b:
            yield pair
            continue
        sides = [known.get(each) or {births[each]} if each in births else known.get(each, set()) for each in (a, b)]
        if any(_contradict(one, other) for one, other in product(*sides)):
            yield replace(pair, lacks=(ONE_PERSON_AMONG_ALL,))
            continue
        forest.join(a, b)
        known[min(a, b)] = sides[0] | sides[1]
        yield pair


def _contradict(one: str, other: str) -> bool:
    # Neither a slip nor day and month exchanged.
    return jellyfish.levenshtein_distance(one, other) > _FURTHEST and one != other[:4] + other[6:] + other[4:6]
