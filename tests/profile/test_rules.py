"""A profile is a pure function of the ledger: checked against a graph that is as plain as can be."""

from collections.abc import Sequence
from datetime import datetime
from random import Random
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from profile_service.ledger.guards import Guards
from profile_service.ledger.rules import CannotLink, Edge, Node, partition, survivor

from tests.profile.ledgers import (
    GUARDS,
    MemoryLedger,
    blocked_nodes,
    cannot_links,
    edges,
    identity,
    kinds_of_nodes,
    moment,
    nodes_of,
    seed,
)
from tests.profile.plain import Key, Plain

Components = set[frozenset[UUID]]


def plain(nodes: Sequence[Node], evidence: Sequence[Edge], apart: Sequence[CannotLink]) -> tuple[Components, set[Key]]:
    """Components and accepted links, worked out with sets and nothing clever."""
    blocked = [node.identity_id for node in nodes if node.blocked]
    found = Plain({node.identity_id: node.kind for node in nodes}, blocked, apart, GUARDS).take(evidence)
    return {frozenset(group) for group in found.groups}, found.accepted


def components(found: Sequence[Sequence[UUID]]) -> Components:
    return {frozenset(each) for each in found}


@given(kinds_of_nodes, blocked_nodes, st.lists(edges(), max_size=20), st.lists(cannot_links(), max_size=3))
def test_the_partition_is_that_of_the_plain_model(
    kinds: list[str], blocked: frozenset[int], evidence: list[Edge], apart: list[CannotLink]
) -> None:
    nodes = nodes_of(kinds, blocked)
    found = partition(nodes, evidence, apart, GUARDS)
    expected, accepted = plain(nodes, evidence, apart)
    assert components(found.components) == expected
    assert {key for key, verdict in found.verdicts.items() if verdict.accepted} == accepted


@given(kinds_of_nodes, st.lists(edges(), max_size=15), st.lists(cannot_links(), max_size=3), st.randoms())
def test_neither_order_nor_repetition_of_evidence_changes_the_partition(
    kinds: list[str], evidence: list[Edge], apart: list[CannotLink], random: Random
) -> None:
    nodes = nodes_of(kinds)
    shuffled = evidence * 2
    random.shuffle(shuffled)
    assert components(partition(nodes, evidence, apart, GUARDS).components) == components(
        partition(nodes, shuffled, apart, GUARDS).components
    )


@given(
    kinds_of_nodes,
    blocked_nodes,
    st.lists(st.lists(edges(), min_size=1, max_size=3), max_size=10),
    st.lists(cannot_links(), max_size=3),
)
def test_evidence_taken_as_it_arrives_ends_where_all_of_it_at_once_does(
    kinds: list[str], blocked: frozenset[int], batches: list[list[Edge]], apart: list[CannotLink]
) -> None:
    nodes = nodes_of(kinds, blocked)
    ledger = MemoryLedger(nodes, apart)
    # Operators speak in the present: of what they say twice the first counts, and it never turns out to be older.
    said: set[tuple[UUID, UUID, str]] = set()
    everything: list[Edge] = []
    for batch in batches:
        kept = [each for each in batch if each.kind != "operator" or each.key not in said]
        kept = list({each.key: each for each in reversed(kept) if each.kind == "operator"}.values()) + [
            each for each in kept if each.kind != "operator"
        ]
        said |= {each.key for each in kept}
        everything += kept
        ledger.record(kept)
        # Delivered twice.
        ledger.record([each for each in kept if each.kind != "operator"])
    known = [node for node in nodes if node.identity_id in ledger.identities]
    expected, accepted = plain(known, everything, apart)
    profiles: dict[UUID, set[UUID]] = {}
    for row in ledger.identities.values():
        profiles.setdefault(row.profile_id, set()).add(row.identity_id)
    assert {frozenset(each) for each in profiles.values()} == expected
    first_seen = _first_seen(everything)
    for profile, members in profiles.items():
        assert profile == seed(survivor({each: first_seen[each] for each in members}))
    assert {key for key, link in ledger.links.items() if link.state == "accepted"} == accepted


def test_late_evidence_for_a_device_of_many_people_reads_none_of_them() -> None:
    device, people = identity(0), [identity(number) for number in range(1, 301)]
    nodes = [Node(device, "device_id"), *(Node(each, "user_id") for each in people)]
    said = [Edge(moment(number), "same_call", device, each) for number, each in enumerate(people)]
    ledger = MemoryLedger(nodes, ())
    chance = Random(5)
    # The first two settle whose it is, and that it is shared; all others come whenever they like.
    others = said[2:]
    chance.shuffle(others)
    for edge in (*said[:2], *others):
        ledger.record([edge])
    assert ledger.read_in_depth == 0
    # So does a cookie seen for the first time, and what was said before is said to be older.
    for number in (50, 150, 250):
        person, cookie = people[number], identity(1000 + number)
        ledger.nodes[cookie] = Node(cookie, "anonymous_id")
        at = moment(number - 10)
        ledger.record([Edge(at, "same_call", device, person), Edge(at, "same_call", person, cookie)])
        assert ledger.identities[cookie].profile_id == ledger.identities[person].profile_id
        assert ledger.links[device, person, "same_call"].evidence_at == at
    owners = {row.profile_id for each, row in ledger.identities.items() if each != device}
    assert len(owners) == len(people)
    assert ledger.identities[device].profile_id == ledger.identities[people[0]].profile_id


def _first_seen(evidence: Sequence[Edge]) -> dict[UUID, datetime]:
    found: dict[UUID, datetime] = {}
    for edge in evidence:
        for end in (edge.a, edge.b):
            found[end] = min(found.get(end, edge.evidence_at), edge.evidence_at)
    return found


def test_two_logins_never_join_by_a_shared_device() -> None:
    nodes = nodes_of(["user_id", "user_id", "device_id"])
    ada, bob, tablet = (node.identity_id for node in nodes)
    found = partition(
        nodes, [Edge(moment(2), "same_call", bob, tablet), Edge(moment(1), "same_call", ada, tablet)], [], Guards()
    )
    assert components(found.components) == {frozenset({ada, tablet}), frozenset({bob})}
    assert found.verdicts[bob, tablet, "same_call"].guards == ("shared:device_id", "too_many:user_id")


def test_an_alias_joins_two_logins_and_an_operator_anything() -> None:
    nodes = nodes_of(["user_id", "user_id", "email", "email", "email"])
    one, two, *emails = (node.identity_id for node in nodes)
    aliased = partition(nodes, [Edge(moment(1), "alias", one, two)], [], GUARDS)
    assert frozenset({one, two}) in components(aliased.components)
    said = [Edge(moment(number), "operator", emails[0], each) for number, each in enumerate(emails[1:])]
    joined = partition(nodes, said, [], GUARDS)
    assert frozenset(emails) in components(joined.components)
    assert joined.verdicts[said[-1].key].guards == ("too_many:email",)


def test_of_two_operators_the_later_one_is_heard() -> None:
    nodes = nodes_of(["email", "phone"])
    a, b = (node.identity_id for node in nodes)
    apart = [CannotLink(a, b, moment(5))]
    earlier = partition(nodes, [Edge(moment(4), "operator", a, b)], apart, GUARDS)
    later = partition(nodes, [Edge(moment(6), "operator", a, b)], apart, GUARDS)
    assert len(earlier.components) == 2
    assert len(later.components) == 1
    assert later.verdicts[a, b, "operator"].guards == ("cannot_link",)


def test_placeholders_are_nobodys_own() -> None:
    guards = Guards()
    for value in ("null", "NULL", "0", "0000", "000000", "n/a", "Guest", "-1", "test@test.com", "noreply@shop.example"):
        assert guards.blocks("user_id", value), value
    assert guards.blocks("device_id", "00000000-0000-0000-0000-000000000000")
    for value in ("ada", "10", "test@example.com", "0049", "a0", "+4900000001", str(identity(4))):
        assert not guards.blocks("user_id", value), value
