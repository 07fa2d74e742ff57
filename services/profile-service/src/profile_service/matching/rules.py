"""What becomes of pairs that may be one customer. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

MATCH: Final = "match"
# Held by these there is nothing to review: the value is nobody's, or an operator has said that they are two.
_SETTLED: Final = frozenset({"blocked_value", "cannot_link"})
_LACKS: Final = {
    "more_than_a_name": "They agree in nothing but the name.",
    "given_name": "Given names do not agree well enough to tell one person from two of a household.",
    "family_name": "Family names do not agree, and nothing makes up for it.",
    "birth_date": "Birth dates do not agree or are not known, so that they may be two of a family.",
    "address_or_contact": "Neither an address nor a contact point agrees.",
    "birth_date_or_address": "Birth dates and addresses both differ, so that they may be two people of one name.",
    "one_person_among_all": "One of them has been linked with somebody born on another day.",
}


@dataclass(frozen=True, slots=True)
class Found:
    """Two identities whose profiles may be one customer; `weights` are (field, level of agreement, log2 weight).

    `lacks` names what they would need besides to be linked without anybody's word.
    """

    a: UUID
    b: UUID
    probability: float
    lacks: list[str]
    weights: list[tuple[str, str, float]]

    def links(self, threshold: float) -> bool:
        """Whether it is sure enough to be linked without anybody's word."""
        return not self.lacks and self.probability >= threshold

    @property
    def reason(self) -> str:
        """The weights in words, for the ledger; no value of any field is told."""
        return ", ".join(f"{field}: {level} ({weight:+.1f})" for field, level, weight in self.weights)


def one_of_each(found: Iterable[Found], profiles: Mapping[UUID, UUID]) -> list[Found]:
    """The surest for each two profiles; none for identities that are gone or of one profile by now."""
    best: dict[frozenset[UUID], Found] = {}
    for each in found:
        sides = frozenset(profiles[end] for end in (each.a, each.b) if end in profiles)
        if len(sides) == 2 and (sides not in best or each.probability > best[sides].probability):
            best[sides] = each
    return list(best.values())


def in_words(guards: Iterable[str]) -> list[dict[str, Any]]:
    """Why guards hold a link, each with its code and a sentence."""
    return [{"code": guard, "detail": _in_words(guard)} for guard in guards if guard not in _SETTLED]


def _in_words(guard: str) -> str:
    name, _, kind = guard.partition(":")
    match name:
        case "lacks":
            return _LACKS.get(kind, f"Lacks {kind}.")
        case "too_many":
            return f"Together they would have more identifiers of kind {kind} than one customer may have."
        case "too_many_identities":
            return "Together they would have more identifiers than one customer may have."
        case "shared":
            return f"What connects them, of kind {kind}, is something that several people may use."
        case _:
            return f"Held by the guard {guard}."
