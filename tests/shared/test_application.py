"""The life of a service: workers beside the requests, and their end."""

import asyncio

from fastapi import FastAPI
from rapport.tokens import KeyStore

from tests.conftest import DatabaseFactory
from tests.shared.toy import prepare, toy_app
from tests.support.http import serve
from tests.support.polling import eventually


async def test_a_worker_ends_although_its_driver_swallows_the_first_cancellation(
    database: DatabaseFactory, keys: KeyStore
) -> None:
    cancelled = 0

    async def worker(_: FastAPI) -> None:
        nonlocal cancelled
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            cancelled += 1
            if cancelled == 1:
                # As a wait with a deadline does when both come at once.
                raise TimeoutError from error
            raise

    app = toy_app(await prepare(await database()), keys.jwks_path, workers=[worker])
    async with serve(app):
        pass
    assert cancelled >= 1


async def test_a_worker_that_fails_starts_again(database: DatabaseFactory, keys: KeyStore) -> None:
    starts = 0

    async def worker(_: FastAPI) -> None:
        nonlocal starts
        starts += 1
        if starts == 1:
            raise RuntimeError("once")
        await asyncio.Event().wait()

    app = toy_app(await prepare(await database()), keys.jwks_path, workers=[worker])
    async with serve(app):
        await eventually(lambda: starts == 2)
