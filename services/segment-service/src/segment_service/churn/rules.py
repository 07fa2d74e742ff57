"""Episodes of churn as they follow from orders, signs and what people said: pure rules.

An episode is a silence in which the customer lapsed. Whatever people say is kept under the identity whose order was
the last before the silence, with the time when the episode opened (`about`), and belongs to whichever episode of the
profile holds that time: merges, undone merges and late orders need no rewriting of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from math import sqrt
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from segment_service.lifecycle.rules import OrderDay, silences
from segment_service.standing.rules import LifecycleRule

State = Literal["open", "won_back", "closed", "undone"]
STATES: Final[tuple[State, ...]] = ("open", "won_back", "closed", "undone")
Said = Literal["reason", "actions", "closing"]
REASON_GIVEN: Final = "Churn Reason Given"

_EVIDENCE: Final = 5
_MOST_ACTIONS: Final = 50
# What happened from this long before the last order on can be why it was the last.
BEFORE: Final = timedelta(days=30)
# An order that is still being changed so long after it was placed came late.
_LATE: Final = timedelta(days=7)
# Reasons by the signs of them, the strongest first; names of events without regard to case.
_SIGNS: Final[Mapping[str, tuple[str, ...]]] = {
    "complaint": ("complaint", "complaint received", "case.opened", "case.escalated"),
    "returned_goods": ("order refunded", "refund"),
    "delivery": ("order delayed", "delivery delayed", "delivery failed", "promise.broken", "order late"),
    "cancelled_order": ("order cancelled", "order canceled"),
    "price": ("price objection", "price increased", "discount refused"),
    "moved_away": ("address changed", "moved"),
    "stopped_contact": ("unsubscribed", "email unsubscribed", "sms unsubscribed"),
}
_REASON_OF: Final = {name: reason for reason, names in _SIGNS.items() for name in names}
_STRENGTH: Final = {reason: place for place, reason in enumerate(_SIGNS)}
SIGN_NAMES: Final = sorted(_REASON_OF)


class Order(NamedTuple):
    """An order of a profile; `net` is what it brought in, null if that is not known."""

    at: datetime
    order_id: str
    identity_id: UUID
    net: Decimal | None
    amended_at: datetime | None = None


class Sign(NamedTuple):
    """Something that happened to a customer, as `name` says; `of` is the event's or the order's id."""

    at: datetime
    name: str
    of: str


class Statement(NamedTuple):
    """What somebody said of the episode that was open at `about`."""

    identity_id: UUID
    about: datetime
    kind: Said
    body: Mapping[str, Any]
    said_at: datetime
    said_by: str


class Happened(NamedTuple):
    """What is known of a profile besides its orders; `reasons` and `contacts` are events, `contacts` outbound."""

    signs: Sequence[Sign] = ()
    statements: Sequence[Statement] = ()
    reasons: Sequence[tuple[datetime, str, str | None]] = ()
    contacts: Sequence[tuple[datetime, str, str]] = ()


class Episode(NamedTuple):
    """An episode as it follows from everything known; `silent_since` was the last order before it."""

    identity_id: UUID
    silent_since: datetime
    opened_at: datetime
    returned_at: datetime | None
    state: State
    closed_at: datetime | None
    reason: str | None
    reason_origin: Literal["given", "inferred"] | None
    reason_note: str | None
    evidence: list[dict[str, Any]]
    actions: list[dict[str, Any]]
    outcome: dict[str, Any] | None


def episodes(
    orders: Sequence[Order], happened: Happened, rule: LifecycleRule, now: datetime, sales_days: int
) -> list[Episode]:
    """Every episode of a profile up to `now`, oldest first; sales count for `sales_days` after a return."""
    placed = sorted(orders, key=lambda order: order[:2])
    days: list[OrderDay] = []
    last: list[Order] = []
    for order in placed:
        if days and days[-1].first_at.date() == order.at.date():
            days[-1], last[-1] = OrderDay(days[-1].first_at, order.at), order
        else:
            days.append(OrderDay(order.at, order.at))
            last.append(order)
    return [
        _episode(last[each.after], each.lapsed_at, each.returned_at, placed, happened, sales_days)
        for each in silences(days, rule, now)
    ]


def _episode(
    before: Order,
    opened_at: datetime,
    returned_at: datetime | None,
    orders: Sequence[Order],
    happened: Happened,
    sales_days: int,
) -> Episode:
    since = before.at

    def within(at: datetime) -> bool:
        return since <= at and (returned_at is None or at < returned_at)

    said = sorted((each for each in happened.statements if within(each.about)), key=lambda each: each.said_at)
    reason, origin, note, evidence = _reason(before, opened_at, within, said, happened)
    actions = _actions(said, [each for each in happened.contacts if each[0] >= opened_at and within(each[0])])
    closing = next((each for each in reversed(said) if each.kind == "closing"), None)
    state: State = "open"
    closed_at, outcome = None, None
    if returned_at is not None:
        state, closed_at = "won_back", returned_at
        outcome = _won_back(
            returned_at, orders, sales_days, len([each for each in actions if each["at"] < returned_at])
        )
    elif closing is not None and closing.body.get("state") == "closed":
        state, closed_at = "closed", closing.said_at
        outcome = {"note": closing.body.get("note")}
    return Episode(
        before.identity_id,
        since,
        opened_at,
        returned_at,
        state,
        closed_at,
        reason,
        origin,
        note,
        evidence,
        actions,
        outcome,
    )


def _reason(
    before: Order, opened_at: datetime, within: Any, said: Sequence[Statement], happened: Happened
) -> tuple[str | None, Literal["given", "inferred"] | None, str | None, list[dict[str, Any]]]:
    """What was given outranks what is inferred; of two given the later one counts, of two inferred the stronger."""
    given = [
        (each.said_at, each.body.get("reason"), each.body.get("note"), {"said_by": each.said_by})
        for each in said
        if each.kind == "reason"
    ]
    given += [(at, reason, note, {"said_by": REASON_GIVEN}) for at, reason, note in happened.reasons if within(at)]
    if given:
        at, reason, note, by = max(given, key=lambda each: each[0])
        if reason is not None:
            return reason, "given", note, [{"at": at, **by}]
    found = [
        (_REASON_OF[each.name.lower()], each)
        for each in happened.signs
        if each.name.lower() in _REASON_OF and before.at - BEFORE <= each.at < opened_at
    ]
    if before.amended_at is not None and before.amended_at - before.at >= _LATE:
        found.append(("delivery", Sign(before.amended_at, "order late", before.order_id)))
    if not found:
        return None, None, None, []
    reason = min((name for name, _ in found), key=lambda name: _STRENGTH[name])
    signs = sorted((sign for name, sign in found if name == reason), reverse=True)[:_EVIDENCE]
    return reason, "inferred", None, [{"at": each.at, "sign": each.name, "of": each.of} for each in signs]


def _actions(said: Sequence[Statement], contacts: Iterable[tuple[datetime, str, str]]) -> list[dict[str, Any]]:
    by_hand = [
        {
            "kind": each["kind"],
            "at": datetime.fromisoformat(each["at"]),
            "note": each.get("note"),
            "source": one.said_by,
        }
        for one in said
        if one.kind == "actions"
        for each in one.body["actions"]
    ]
    taken = [{"kind": kind, "at": at, "note": None, "source": f"touchpoint {of}"} for at, kind, of in contacts]
    return sorted(by_hand + taken, key=lambda each: (each["at"], each["kind"]))[:_MOST_ACTIONS]


def _won_back(returned_at: datetime, orders: Sequence[Order], sales_days: int, actions: int) -> dict[str, Any]:
    until = returned_at + timedelta(days=sales_days)
    later = [order for order in orders if returned_at <= order.at < until]
    return {
        "order_id": next(order.order_id for order in later),
        "at": returned_at,
        "orders": len(later),
        "sales": sum((order.net for order in later if order.net is not None), Decimal(0)),
        "sales_days": sales_days,
        "actions_before": actions,
    }


class Kept(NamedTuple):
    """What is stored of an episode, as far as pairing needs it."""

    episode_id: UUID
    identity_id: UUID
    silent_since: datetime
    returned_at: datetime | None


def pair(found: Sequence[Episode], kept: Sequence[Kept]) -> tuple[list[tuple[Episode, UUID | None]], list[UUID]]:
    """Which stored episode each one is, None for a new one; and those that are none any more.

    The same last order makes the same episode; otherwise the oldest stored one whose silence overlaps.
    """
    left = sorted(kept, key=lambda each: each.episode_id)
    pairs: list[tuple[Episode, UUID | None]] = []
    exact = {(each.identity_id, each.silent_since): each for each in left}
    taken: dict[int, Kept] = {}
    for place, episode in enumerate(found):
        same = exact.get((episode.identity_id, episode.silent_since))
        if same is not None:
            taken[place] = same
            left.remove(same)
    for place, episode in enumerate(found):
        if place not in taken and (near := next((each for each in left if _overlap(episode, each)), None)) is not None:
            taken[place] = near
            left.remove(near)
        pairs.append((episode, taken[place].episode_id if place in taken else None))
    return pairs, [each.episode_id for each in left]


def _overlap(episode: Episode, kept: Kept) -> bool:
    starts_before = kept.returned_at is None or episode.silent_since < kept.returned_at
    return starts_before and (episode.returned_at is None or kept.silent_since < episode.returned_at)


def interval(successes: int, trials: int) -> tuple[float, float]:
    """95 % score interval of a share (Wilson, 1927); 0 to 1 without trials."""
    if not trials:
        return 0.0, 1.0
    z = 1.959963984540054
    share, width = successes / trials, z * z / trials
    middle = (share + width / 2) / (1 + width)
    half = z / (1 + width) * sqrt(share * (1 - share) / trials + width / (4 * trials))
    return max(0.0, middle - half), min(1.0, middle + half)
