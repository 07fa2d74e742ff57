"""A feed that a test plays for a consumer to follow."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


class Feed:
    """Events that a consumer follows."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.events: list[dict[str, Any]] = []
        self._grown = asyncio.Condition()

    async def add(self, *events: tuple[str, dict[str, Any]]) -> None:
        """Append events, each a type and its data."""
        for kind, data in events:
            number = len(self.events) + 1
            self.events.append(
                {
                    "specversion": "1.0",
                    "id": f"{number}-1-0",
                    "source": f"urn:rapport:{self.source}",
                    "type": kind,
                    "time": datetime.now(UTC).isoformat(),
                    "datacontenttype": "application/json",
                    "data": data,
                }
            )
        async with self._grown:
            self._grown.notify_all()

    async def answer(self, request: Request) -> Response:
        """`GET /v1/feed`."""
        last = request.query_params.get("lastEventId") or "0"
        start, limit = int(last.split("-")[0]), int(request.query_params.get("limit", "100"))
        wait = int(request.query_params.get("timeout", "0")) / 1000
        try:
            async with asyncio.timeout(min(wait, 0.5)), self._grown:
                await self._grown.wait_for(lambda: len(self.events) > start)
            found = self.events[start : start + limit]
        except TimeoutError:
            # A long poll that nothing came for is answered with nothing.
            found = []
        return JSONResponse(found, media_type="application/cloudevents-batch+json")
