"""Every statement on the lines of orders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rapport.database import Connection

from segment_service.purchase_lines.rules import Lines

# Orders whose lines are said by nobody newer; what was there of them goes.
_NEWER: Final = """
    WITH given AS (
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::smallint[], $5::bytea[])
            WITH ORDINALITY AS given (identity_id, order_id, said_at, step, digest, place)
    ), newer AS (
        SELECT given.* FROM given LEFT JOIN purchase_line AS kept
            ON kept.identity_id = given.identity_id AND kept.order_id = given.order_id AND kept.line = 1
        WHERE kept.line IS NULL
           OR (given.said_at, given.step, given.digest) > (kept.said_at, kept.step, kept.digest)
    ), gone AS (
        DELETE FROM purchase_line USING newer
        WHERE purchase_line.identity_id = newer.identity_id AND purchase_line.order_id = newer.order_id
    )
    SELECT place FROM newer
"""
_ADD: Final = """
    INSERT INTO purchase_line
        (identity_id, order_id, line, said_at, step, digest, product_id, category, price, quantity)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::int[], $4::timestamptz[], $5::smallint[], $6::bytea[], $7::text[],
                         $8::text[], $9::numeric[], $10::numeric[])
"""


async def replace(connection: Connection, orders: Sequence[Lines]) -> None:
    """Keep the lines of orders, one report each, unless a newer one has named theirs."""
    if not orders:
        return
    heads = zip(*(each[:5] for each in orders), strict=True)
    newer = [orders[row[0] - 1] for row in await connection.fetch(_NEWER, *map(list, heads))]
    rows = [
        (each.identity_id, each.order_id, place, each.said_at, each.step, each.digest, *line)
        for each in newer
        for place, line in enumerate(each.lines, start=1)
    ]
    if rows:
        await connection.execute(_ADD, *(list(column) for column in zip(*rows, strict=True)))
