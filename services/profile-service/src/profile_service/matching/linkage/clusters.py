"""Persons from pairs."""

from collections.abc import Iterable

from profile_service.matching.linkage.pairs import Pair


def clusters(count: int, pairs: Iterable[Pair], at_least: float) -> list[int]:
    """The first record of each one's cluster; corroborated pairs with a probability of `at_least` are one person."""
    first = list(range(count))

    def find(record: int) -> int:
        while first[record] != record:
            first[record] = first[first[record]]
            record = first[record]
        return record

    for pair in pairs:
        if pair.probability >= at_least and pair.corroborated:
            a, b = find(pair.a), find(pair.b)
            first[max(a, b)] = min(a, b)
    return [find(record) for record in range(count)]
