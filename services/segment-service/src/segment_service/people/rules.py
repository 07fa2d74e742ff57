"""What a looked-up profile says that rules can read: pure rules."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from segment_service.events.rules import Leaf, leaf

MAX_KEYS: Final = 1_000
MAX_VALUES: Final = 256  # of one key
_MAX_KEY: Final = 400

KIND: Final = "kind"


class Trait(NamedTuple):
    """One value of a trait; the place tells the values of a list apart."""

    key: str
    position: int
    leaf: Leaf


class Word(NamedTuple):
    """Whether a profile may be contacted on a channel for a purpose by its own word, until a time if that ends."""

    channel: str
    purpose: str
    granted: bool
    until: datetime | None = None


def traits(told: Mapping[str, Any], kind: str) -> list[Trait]:
    """Leaves of nested traits by dotted key, in the order of keys; `kind` of the profile is one, unless told."""
    found: dict[str, list[Leaf]] = {}
    _gather(found, "", told)
    found.setdefault(KIND, [Leaf(text=kind)])
    return [
        Trait(key, position, each) for key in sorted(found) for position, each in enumerate(found[key][:MAX_VALUES])
    ]


def words(told: Iterable[tuple[str, str, str, datetime | None]], *, restricted: bool) -> list[Word]:
    """Consents from channel, purpose, status and until; whoever's data must not be used has granted nothing."""
    return sorted(
        Word(channel, purpose, status == "granted" and not restricted, until)
        for channel, purpose, status, until in told
    )


def differing(before: Sequence[Trait], after: Sequence[Trait]) -> set[str]:
    """Keys of traits that are not what they were."""
    return {each.key for each in set(before) ^ set(after)}


def _gather(found: dict[str, list[Leaf]], path: str, value: Any) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _gather(found, f"{path}.{key}" if path else key, inner)
    elif isinstance(value, list):
        for inner in value:
            _gather(found, path, inner)
    elif (each := leaf(value)) is not None and path and len(path) <= _MAX_KEY and len(found) < MAX_KEYS:
        found.setdefault(path, []).append(each)
