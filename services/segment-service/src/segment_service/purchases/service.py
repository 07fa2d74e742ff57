"""Taking in what was reported of orders."""

from collections.abc import Sequence
from uuid import UUID

from rapport.database import Connection

from segment_service.columns.parts import TWINS, month_part
from segment_service.purchases import repository
from segment_service.purchases.repository import Changed
from segment_service.purchases.rules import Report, merged


async def take_reports(connection: Connection, reports: Sequence[Report], currency: str) -> tuple[set[UUID], set[str]]:
    """Merge reports of any age and order; gives the identities whose orders changed and the column files behind.

    `currency` is the service's own.
    """
    if not reports:
        return set(), set()
    changed = await repository.merge_orders(connection, merged(reports))
    refunds = [report for report in reports if report.kind == "refunded"]
    if refunds:
        await repository.add_refunds(connection, refunds)
    summed = {(each.identity_id, each.order_id) for each in refunds}
    summed |= {(row.identity_id, row.order_id) for row in changed if row.renamed}
    if summed:
        await repository.sum_refunds(connection, summed)
    foreign = {(each.currency, each.identity_id) for each in reports if each.currency not in {"", currency}}
    if foreign:
        await repository.add_currencies(connection, foreign)
    first_seen = sorted({row.order_id for row in changed if row.new})
    if first_seen:
        changed += await repository.mark_twins(connection, first_seen)
    identities = {row.identity_id for row in changed}
    return identities, set().union(*(_parts(row) for row in changed))


def _parts(row: Changed) -> set[str]:
    months = {month_part(at) for at in (row.before, row.after) if at is not None}
    return months | ({TWINS} if row.twin else set())
