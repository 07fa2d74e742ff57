"""Time-ordered ids made by the service itself, so that an event can name its row before the row is written."""

import os
import time

_VARIANT = "89ab"


def new_id() -> str:
    """A UUID version 7 (RFC 9562) of now."""
    return new_ids(1)[0]


def new_ids(count: int) -> list[str]:
    """`count` UUIDs of version 7, as text because PostgreSQL and JSON both take it as it is."""
    moment = f"{time.time_ns() // 1_000_000:012x}"
    head = f"{moment[:8]}-{moment[8:]}-7"
    noise = os.urandom(10 * count).hex()
    return [
        f"{head}{noise[at : at + 3]}-{_VARIANT[int(noise[at + 3], 16) & 3]}{noise[at + 4 : at + 7]}"
        f"-{noise[at + 7 : at + 19]}"
        for at in range(0, 20 * count, 20)
    ]
