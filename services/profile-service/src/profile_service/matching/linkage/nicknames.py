"""Names that people go by, and the names they were given."""

from functools import cache

from nicknames import name_triplets


def formal_names(given: str) -> list[str] | None:
    """A given name (folded) and those it is short for; None when it is in no list."""
    return _formal().get(given)


@cache
def _formal() -> dict[str, list[str]]:
    found: dict[str, set[str]] = {}
    for formal, _, short in name_triplets():
        found.setdefault(formal, {formal})
        found.setdefault(short, {short}).add(formal)
    return {name: sorted(names) for name, names in found.items()}
