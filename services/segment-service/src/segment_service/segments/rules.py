"""Segments that refer to segments: pure."""

from collections.abc import Iterable, Mapping


def circle(key: str, refers_to: Iterable[str], others: Mapping[str, Iterable[str]]) -> list[str] | None:
    """The way from a segment back to itself if it referred to these, or None; `others` refer to others."""
    ways: list[list[str]] = [[key, each] for each in sorted(refers_to)]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        if way[-1] == key:
            return way
        if way[-1] not in seen:
            seen.add(way[-1])
            ways.extend([*way, each] for each in sorted(others.get(way[-1], ())))
    return None
