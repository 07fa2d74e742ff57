"""Following interaction-service: events, orders and contacts."""

import logging
from collections import Counter as Tally
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from prometheus_client import Counter
from rapport.database import Connection
from rapport.feed import ReceivedEvent
from rapport.telemetry.metrics import REGISTRY

from segment_service.columns.parts import IDENTITIES, service_part
from segment_service.consumers import repository
from segment_service.consumers.events import Touchpoint, properties, tasks, touchpoints
from segment_service.consumers.repository import Contacts
from segment_service.events import service as happenings
from segment_service.events.repository import NewEvent
from segment_service.purchase_lines import repository as lines
from segment_service.purchase_lines.rules import newest, read_lines
from segment_service.purchases.rules import Report, kind_of, read_report
from segment_service.purchases.service import take_reports
from segment_service.service_costs import repository as service_costs
from segment_service.service_costs.repository import Count
from segment_service.standing.changes import change
from segment_service.standing.repository import Rules, next_version, owners, take_turn

IGNORED = Counter(
    "segment_order_properties_ignored",
    "Properties of order events that could not be read and were left out",
    ["property"],
    registry=REGISTRY,
)
# Entries of lists that the firm bought or exchanged: nobody was in touch.
_LISTED = frozenset({"import", "list_import", "list"})
_ANNOUNCED = ("case.", "conversation.")

_log = logging.getLogger(__name__)


class _Read(NamedTuple):
    """A batch as read, before anything is stored."""

    seen: dict[UUID, Touchpoint]
    events: list[NewEvent]
    orders: list[tuple[Report, dict[str, Any]]]


async def apply(connection: Connection, events: Sequence[ReceivedEvent], rules: Rules) -> None:
    """Take a batch in: events kept, orders merged, contacts counted, the customers concerned computed anew."""
    # Reading takes longer than storing, and needs no turn.
    batch = _read(events, rules.currency)
    done = list(_tasks(events))
    if not batch.events and not done:
        return
    await take_turn(connection)
    version = await next_version(connection)
    fresh = await happenings.take(connection, batch.events, version)
    identities, parts = await take_reports(connection, [report for report, _ in batch.orders], rules.currency)
    named = (read_lines(report, data) for report, data in batch.orders)
    await lines.replace(connection, newest(each for each in named if each is not None))
    # What is told again is no second contact.
    new = [batch.seen[each.event_id] for each in fresh if each.event_id in batch.seen]
    contacts = _contacts(new)
    newly = await repository.add_contacts(connection, contacts) if contacts else set()
    served = [*_served(new), *done]
    costed = await service_costs.count(connection, Tally(served))
    costly = [each for each in served if each[2:] in costed]
    concerned = identities | newly | {each.identity_id for each in costly}
    causes = happenings.causes(fresh)
    profiles = await owners(connection, sorted(concerned | causes.keys()))
    by_profile: dict[UUID, set[str]] = {}
    for identity, why in causes.items():
        if identity in profiles:
            by_profile.setdefault(profiles[identity], set()).update(why)
    await change(
        connection,
        {profiles[each] for each in concerned if each in profiles},
        rules,
        parts | {service_part(each.month) for each in costly} | ({IDENTITIES} if newly else set()),
        causes=by_profile,
        version=version,
    )


def _read(events: Sequence[ReceivedEvent], currency: str) -> _Read:
    found = _Read({}, [], [])
    for event in events:
        if event.type == "touchpoint.recorded":
            seen = touchpoints.decode(event.data)
            kind = kind_of(seen.type, seen.name)
            data = None
            if kind is not None:
                data = properties.decode(seen.data) or {}
                message_id = seen.message_id or seen.touchpoint_id
                report, ignored = read_report(kind, seen.identity_id, message_id, seen.occurred_at, data, currency)
                _say_ignored(seen, ignored)
                if report is not None:
                    found.orders.append((report, data))
            happened = happenings.of_touchpoint(seen, data)
            found.seen[happened.event_id] = seen
            found.events.append(happened)
        elif event.type.startswith(_ANNOUNCED) and (announced := happenings.of_announcement(event)) is not None:
            found.events.append(announced)
    return found


def _say_ignored(seen: Touchpoint, ignored: Iterable[str]) -> None:
    for name in ignored:
        IGNORED.labels(name).inc()
        _log.warning("touchpoint %s: its %s could not be read and is left out", seen.touchpoint_id, name)


def _served(seen: Iterable[Touchpoint]) -> Iterable[Count]:
    for each in seen:
        if each.type not in _LISTED and each.channel not in _LISTED:
            direction = "outbound" if each.direction == "outbound" else "inbound"
            yield Count(each.identity_id, _month(each.occurred_at), each.channel or "unknown", direction)


def _tasks(events: Sequence[ReceivedEvent]) -> Iterable[Count]:
    for event in events:
        if event.type == "task.completed":
            task = tasks.decode(event.data)
            if task.identity_id is not None:
                yield Count(task.identity_id, _month(task.occurred_at or event.time), f"task:{task.kind}", "outbound")


def _month(at: datetime) -> date:
    return at.astimezone(UTC).date().replace(day=1)


def _contacts(seen: Iterable[Touchpoint]) -> dict[UUID, Contacts]:
    found: dict[UUID, Contacts] = {}
    for each in seen:
        if each.direction == "outbound" or each.type in _LISTED or each.channel in _LISTED:
            continue
        at, known = each.occurred_at, found.get(each.identity_id)
        found[each.identity_id] = (
            Contacts(1, at, at)
            if known is None
            else Contacts(known.contacts + 1, min(known.first_at, at), max(known.last_at, at))
        )
    return dict(sorted(found.items()))
