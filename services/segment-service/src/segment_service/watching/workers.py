"""The workers that keep answers up to date: each the one of its kind in all processes."""

import asyncio
from collections.abc import Awaitable, Callable

from fastapi import FastAPI
from rapport.database import Database

from segment_service.columns.repository import store_id
from segment_service.watching import repository

_LOOK_SECONDS = 0.1
_STAND_BY_SECONDS = 1.0


async def ask_who_changed(app: FastAPI) -> None:
    """Ask rules about whoever has changed or whose time has come."""
    await _alone(app, repository.ASKING, app.state.evaluation.turn)


async def ask_everybody(app: FastAPI) -> None:
    """Ask everybody about rules that are new or have failed."""
    await _alone(app, repository.BUILDING, app.state.building.turn)


async def _alone(app: FastAPI, number: int, turn: Callable[[], Awaitable[int]]) -> None:
    """Turn after turn while this process is the one that holds the guard; stand by while another is."""
    database: Database = app.state.database
    await store_id(database.pool)
    while True:
        async with database.pool.acquire(timeout=10) as guard:
            if await repository.guard(guard, number):
                try:
                    while not guard.is_closed():
                        if not await turn():
                            await asyncio.sleep(_LOOK_SECONDS)
                finally:
                    if not guard.is_closed():
                        await repository.unguard(guard, number)
        await asyncio.sleep(_STAND_BY_SECONDS)
