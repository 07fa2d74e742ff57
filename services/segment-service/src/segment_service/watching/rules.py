"""Which rules to ask about which profiles: pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

# What can change any answer: another set of identities, or more than is worth telling apart.
ANYTHING: Final = frozenset({"*", "identities"})


@dataclass(frozen=True, slots=True)
class Watched:
    """A rule to be asked; `reads` are the causes that can change its answer; `building`: everybody is being asked."""

    rule_id: int
    owner: str
    key: str
    rule: Mapping[str, object] | None
    reads: frozenset[str]
    revision: int
    building: bool


@dataclass(slots=True)
class Question:
    """Profiles that the same rules have to be asked about."""

    profiles: frozenset[UUID]
    rules: list[Watched] = field(default_factory=list)


def questions(
    rules: Iterable[Watched], causes: Mapping[UUID, Iterable[str]], due: Mapping[int, Iterable[UUID]]
) -> Sequence[Question]:
    """Each rule with the profiles whose `causes` it reads, and those whose time has come; same profiles together."""
    by_cause: dict[str, set[UUID]] = defaultdict(set)
    for profile, each in causes.items():
        for cause in each:
            by_cause[cause].add(profile)
    anything = set().union(*(by_cause.get(cause, ()) for cause in ANYTHING))
    found: dict[frozenset[UUID], Question] = {}
    for rule in rules:
        concerned = anything.union(due.get(rule.rule_id, ()), *(by_cause.get(cause, ()) for cause in rule.reads))
        if concerned:
            profiles = frozenset(concerned)
            found.setdefault(profiles, Question(profiles)).rules.append(rule)
    return list(found.values())


def rules_of(rules: Iterable[Watched], causes: Iterable[str]) -> Sequence[Watched]:
    """Those whose answers any of `causes` can change."""
    asked = frozenset(causes)
    return [rule for rule in rules if asked & ANYTHING or asked & rule.reads]
