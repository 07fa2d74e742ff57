"""The rules behind grades, needs, treatments and nested segments, without a database."""

from uuid import uuid4

import pytest
from segment_service.gradings.rules import grade_of
from segment_service.needs.rules import confidence
from segment_service.segments.rules import circle
from segment_service.treatments.rules import Policy, resolve
from segment_service.watching.rules import Watched, questions

GRADES = ("diamond", "gold", "silver")


@pytest.mark.parametrize(
    ("held", "entering", "keeping", "expected"),
    [
        ((), (), (), None),
        ((), ("silver",), (), "silver"),
        ((), ("gold", "silver"), (), "gold"),
        ((), (), ("gold",), None),
        (("gold",), ("silver",), ("gold",), "gold"),
        (("gold",), ("silver",), (), "silver"),
        # Who falls from a higher grade may stay in a lower one by its weaker condition.
        (("diamond",), (), ("gold", "silver"), "gold"),
        (("silver",), (), ("gold", "silver"), "silver"),
        (("gone",), (), ("silver",), None),
    ],
)
def test_d2_grade_of(
    held: tuple[str, ...], entering: tuple[str, ...], keeping: tuple[str, ...], expected: str | None
) -> None:
    """The highest that is entered, or kept by who holds it or a higher one."""
    assert grade_of(GRADES, held, entering, keeping) == expected


def test_d13_confidence_of_independent_evidence() -> None:
    """Noisy or: certain evidence settles it, none leaves nothing."""
    assert confidence([]) == 0
    assert confidence([0.5, 0.5]) == 0.75
    assert confidence([0.3, 1.0]) == 1.0


def test_d14_the_treatment_that_asks_for_more_wins_among_equals() -> None:
    """Priority first, then how much is asked for, then the key."""
    everybody = Policy("all", 0, frozenset(), {}, {})
    top = Policy("top", 0, frozenset({"top"}), {}, {})
    gold = Policy("gold", 0, frozenset({"top"}), {"vip": frozenset({"gold"})}, {})
    first = Policy("first", 5, frozenset(), {}, {})
    assert resolve([everybody, top, gold], "top", {"vip": "gold"}) == (
        gold,
        "for class top and vip gold; before all, top",
    )
    assert resolve([everybody, top, gold], "top", {}) == (top, "for class top; before all")
    assert resolve([everybody, top, gold, first], "top", {"vip": "gold"}) is not None
    assert resolve([gold, first], "top", {"vip": "gold"}) == (first, "for everybody; before gold")
    assert resolve([top], "small", {}) is None


def test_d10_circles_of_segments_are_found() -> None:
    """The way back is told; a segment that is reached twice is no circle."""
    others = {"a": {"b", "c"}, "b": {"d"}, "c": {"d"}, "d": set[str]()}
    assert circle("x", {"a"}, others) is None
    assert circle("d", {"a"}, others) in (["d", "a", "b", "d"], ["d", "a", "c", "d"])
    assert circle("x", {"x"}, others) == ["x", "x"]


def test_d10_only_rules_that_read_what_changed_are_asked() -> None:
    """A new set of identities concerns every rule; a due time the rule whose it is."""

    def watched(number: int, *reads: str) -> Watched:
        return Watched(number, "segment", f"s{number}", {}, frozenset(reads), 1, building=False)

    orders, country, nothing = watched(1, "event:Order Completed"), watched(2, "trait:country"), watched(3)
    buyer, mover, merged, late = uuid4(), uuid4(), uuid4(), uuid4()
    causes = {buyer: ["event:Order Completed", "standing"], mover: ["trait:country"], merged: ["identities"]}
    found = {
        rule.rule_id: question.profiles
        for question in questions([orders, country, nothing], causes, {2: [late]})
        for rule in question.rules
    }
    assert found == {1: {buyer, merged}, 2: {mover, merged, late}, 3: {merged}}
    assert questions([orders], {}, {}) == []
