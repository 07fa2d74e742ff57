"""Following interaction-service: orders and contacts."""

import logging
from collections import Counter as Tally
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from uuid import UUID

from prometheus_client import Counter
from rapport.database import Connection
from rapport.feed import ReceivedEvent
from rapport.telemetry.metrics import REGISTRY

from segment_service.columns.parts import IDENTITIES, service_part
from segment_service.consumers import repository
from segment_service.consumers.events import Touchpoint, properties, tasks, touchpoints
from segment_service.consumers.repository import Contacts
from segment_service.purchases.rules import Report, kind_of, read_report
from segment_service.purchases.service import take_reports
from segment_service.service_costs import repository as service_costs
from segment_service.service_costs.repository import Count
from segment_service.standing.changes import change
from segment_service.standing.repository import Rules, profiles_of, take_turn

IGNORED = Counter(
    "segment_order_properties_ignored",
    "Properties of order events that could not be read and were left out",
    ["property"],
    registry=REGISTRY,
)
# Entries of lists that the firm bought or exchanged: nobody was in touch.
_LISTED = frozenset({"import", "list_import", "list"})

_log = logging.getLogger(__name__)


async def apply(connection: Connection, events: Sequence[ReceivedEvent], rules: Rules) -> None:
    """Take a batch in: orders merged, contacts counted, the customers concerned computed anew."""
    seen = [touchpoints.decode(event.data) for event in events if event.type == "touchpoint.recorded"]
    served = [*_served(seen), *_tasks(events)]
    if not seen and not served:
        return
    await take_turn(connection)
    identities, parts = await take_reports(connection, list(_reports(seen, rules.currency)), rules.currency)
    contacts = _contacts(seen)
    newly = await repository.add_contacts(connection, contacts) if contacts else set()
    costed = await service_costs.count(connection, Tally(served))
    costly = [each for each in served if each[2:] in costed]
    concerned = identities | newly | {each.identity_id for each in costly}
    parts |= {service_part(each.month) for each in costly} | ({IDENTITIES} if newly else set())
    await change(connection, await profiles_of(connection, sorted(concerned)), rules, parts)


def _reports(seen: Iterable[Touchpoint], currency: str) -> Iterable[Report]:
    for each in seen:
        kind = kind_of(each.type, each.name)
        if kind is None:
            continue
        data = properties.decode(each.data) or {}
        message_id = each.message_id or each.touchpoint_id
        report, ignored = read_report(kind, each.identity_id, message_id, each.occurred_at, data, currency)
        for name in ignored:
            IGNORED.labels(name).inc()
            _log.warning("touchpoint %s: its %s could not be read and is left out", each.touchpoint_id, name)
        if report is not None:
            yield report


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
