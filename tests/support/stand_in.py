"""A service that starts fast and does nothing but answer: who it is, and that it is ready.

With `STAND_IN_ONCE` in its environment it becomes ready only the first time, and says so in its log ever after.
"""

import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

SHOWN = ("RAPPORT_", "CAMPAIGN_", "PROFILE_", "SEGMENT_", "INTERACTION_")

once = os.environ.get("STAND_IN_ONCE")
if once is not None:
    if Path(once).exists():
        sys.exit("no second time")
    Path(once).touch()


async def app(
    scope: dict[str, Any],
    _receive: Callable[[], Awaitable[Any]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Ready at `/health/ready`; its environment at any other path."""
    shown = {key: value for key, value in os.environ.items() if key.startswith(SHOWN)}
    body = b"{}" if scope["path"] == "/health/ready" else json.dumps(shown).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": body})
