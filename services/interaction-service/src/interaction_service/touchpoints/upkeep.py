"""What time brings: new months to make room for, old message ids to forget."""

import asyncio
from datetime import UTC, datetime, timedelta

from fastapi import FastAPI
from rapport.database import Database

from interaction_service.settings import InteractionSettings
from interaction_service.touchpoints import repository
from interaction_service.touchpoints.partitions import Partitions

_SECONDS = 6 * 3_600


async def keep_up(app: FastAPI) -> None:
    """Make months ahead and forget old message ids, now and every six hours."""
    settings: InteractionSettings = app.state.settings
    partitions: Partitions = app.state.partitions
    database: Database = app.state.database
    while True:
        now = datetime.now(UTC)
        await partitions.ensure(now + timedelta(days=30 * ahead) for ahead in range(settings.months_ahead + 1))
        async with database.transaction() as connection:
            await repository.purge_message_keys(connection, settings.message_ids_kept_days)
        await asyncio.sleep(_SECONDS)
