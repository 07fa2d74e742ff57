"""What contacts cost, as SQL; months are first days."""

from typing import Final

# Contacts of which no cost is known cost nothing.
COSTED: Final = """
    SELECT {key}, month, contacts * (
        SELECT cost FROM service_cost
        WHERE service_cost.channel = counted.channel AND service_cost.direction = counted.direction
          AND service_cost.holds_from <= counted.month
        ORDER BY service_cost.holds_from DESC LIMIT 1
    ) AS cost
    FROM {source} AS counted
"""
# Without any cost on record the cost to serve is unknown, and contacts are not read at all.
KNOWN: Final = "(SELECT EXISTS (SELECT FROM service_cost))"
