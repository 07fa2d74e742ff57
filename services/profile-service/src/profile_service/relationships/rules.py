"""Kinds of relationships and how each side sees them. Pure.

A relationship is stored one way round. On a profile `kind` reads: it was `referred_by` the other, is an `employee_of`
or `key_contact_of` the other; the other is its `parent`, its `spouse`, of its `household`.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal
from uuid import UUID

Direction = Literal["outgoing", "incoming", "mutual"]

REFERRED_BY: Final = "referred_by"
HOUSEHOLD: Final = "household"
# How the other side sees it.
INVERSE: Final[Mapping[str, str]] = {
    REFERRED_BY: "referred",
    "parent": "child",
    "guardian": "ward",
    "employee_of": "employee",
    "key_contact_of": "key_contact",
    "owner_of": "owner",
    "subsidiary_of": "subsidiary",
}
_STORED_AS: Final = {inverse: kind for kind, inverse in INVERSE.items()}
MUTUAL: Final = frozenset({HOUSEHOLD, "spouse", "partner", "sibling", "friend", "colleague"})
# Nobody comes before themselves in a chain of these.
ACYCLIC: Final = frozenset({REFERRED_BY, "parent", "guardian", "subsidiary_of"})
FAMILY: Final = frozenset({"spouse", "partner", "parent", "child", "guardian", "ward", "sibling", HOUSEHOLD})
REFERRALS: Final = frozenset({REFERRED_BY, INVERSE[REFERRED_BY]})
MAX_HOUSEHOLD: Final = 50
_FIRST: Final = ("key_contact", "owner", "employee")
_day = re.compile(r"(\d{4}|-)-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Relationship:
    """A relationship with the profiles of its two ends at present."""

    relationship_id: UUID
    kind: str
    a: UUID
    b: UUID
    a_profile: UUID
    b_profile: UUID
    role: str | None
    note: str | None
    since: date | None
    until: date | None
    created_at: datetime
    created_by: str
    removed_at: datetime | None
    removed_by: str | None

    @property
    def version(self) -> str:
        """Changes whenever what people edit does."""
        said = repr((self.role, self.note, self.since, self.until))
        return hashlib.sha256(said.encode()).hexdigest()[:16]

    def holds(self, today: date) -> bool:
        """Whether it has begun and not ended, as far as known."""
        return (self.since is None or self.since <= today) and (self.until is None or self.until >= today)

    def seen_from(self, profile_id: UUID) -> "Seen":
        """How one of the two profiles sees it."""
        outgoing = self.a_profile == profile_id
        other = self.b_profile if outgoing else self.a_profile
        if self.kind in MUTUAL:
            return Seen(self.kind, "mutual", other)
        if outgoing:
            return Seen(self.kind, "outgoing", other)
        return Seen(INVERSE.get(self.kind, self.kind), "incoming", other)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a profile is to another, `incoming` when the other one's side says so."""

    kind: str
    direction: Direction
    profile_id: UUID


def stored(kind: str) -> tuple[str, bool]:
    """The kind as it is stored, and whether that is the other way round."""
    return (_STORED_AS[kind], True) if kind in _STORED_AS else (kind, False)


def groups(pairs: Iterable[tuple[UUID, UUID]]) -> dict[UUID, frozenset[UUID]]:
    """Who belongs together, by each of them."""
    found: dict[UUID, set[UUID]] = {}
    for one, other in pairs:
        joined = found.get(one, {one}) | found.get(other, {other})
        found.update(dict.fromkeys(joined, joined))
    return {each: frozenset(members) for each, members in found.items()}


def people_first(kinds: Iterable[str]) -> int:
    """Rank of somebody of these kinds among the people of a firm."""
    return min((_FIRST.index(kind) if kind in _FIRST else len(_FIRST) for kind in kinds), default=len(_FIRST))


def important_dates(traits: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Days among traits by dotted key, as (key, label, date): plain ones, and lists of `{"label", "date"}`."""
    found: list[tuple[str, str, str]] = []
    for key, value in sorted(traits.items()):
        if isinstance(value, str) and _day.fullmatch(value):
            found.append((key, key, value))
        dated = [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []
        found += [
            (key, str(each.get("label") or key), day)
            for each in dated
            if isinstance(day := each.get("date"), str) and _day.fullmatch(day)
        ]
    return found
