"""Where every composition root starts: an application with database, tokens, feed and problem answers."""

import asyncio
import gc
import logging
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from types import FrameType

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi_offline import FastAPIOffline
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from rapport import errors, health, idempotency
from rapport.database import CONNECTION_LOST, Database
from rapport.feed.server import FeedTail
from rapport.settings import ServiceSettings
from rapport.telemetry import metrics
from rapport.telemetry.logging import configure
from rapport.telemetry.middleware import TelemetryMiddleware
from rapport.tokens import TokenVerifier

Worker = Callable[[FastAPI], Awaitable[None]]
Resources = Callable[[FastAPI], AbstractAsyncContextManager[None]]

_log = logging.getLogger(__name__)
_HOUSEKEEPING_SECONDS = 3600


def create_application(
    name: str,
    settings: ServiceSettings,
    *,
    description: str,
    routers: Sequence[APIRouter],
    workers: Sequence[Worker] = (),
    resources: Resources | None = None,
) -> FastAPI:
    """An application with the house's conventions.

    `resources` opens what the service itself needs (clients, files) around its life; `workers` run for ever beside the
    requests when the role says so, and start again after an error.
    """
    configure(name, settings.log_level)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        database = Database(settings.database_url, pool_size=settings.pool_size)
        await _open(database)
        app.state.database = database
        app.state.feed_tail = FeedTail(database)
        tasks: list[asyncio.Task[None]] = []
        try:
            async with resources(app) if resources else nullcontext():
                _let_go_on_stop(app.state.feed_tail)
                _spare_collections()
                if settings.works:
                    tasks = [asyncio.create_task(_keep(worker, app)) for worker in (*workers, _housekeeping)]
                yield
                await _end(tasks)
        finally:
            await app.state.feed_tail.close()
            await database.close()

    app = FastAPIOffline(
        title=f"Rapport {name}-service",
        version="1.0.0",
        description=description,
        lifespan=lifespan,
        redoc_url=None,
        separate_input_output_schemas=False,
    )
    app.router.route_class = idempotency.Route
    app.state.settings = settings
    app.state.verifier = TokenVerifier(settings.jwks_file, settings.jwks_url, settings.token_audience)
    app.add_middleware(TelemetryMiddleware, service=name)
    errors.install(app)
    for lost in (*CONNECTION_LOST, PoolTimeout):
        app.add_exception_handler(lost, _on_connection_lost)
    app.add_exception_handler(DBAPIError, _on_driver_error)
    app.include_router(health.router)
    app.include_router(metrics.router)
    for router in routers:
        app.include_router(router)
    return app


def _spare_collections() -> None:
    """Take what starting made out of the garbage collector's way, once a process.

    Each full collection walks every class, route and schema otherwise, which took more than half of the collector's
    time on batches of a hundred events.
    """
    if gc.get_freeze_count() == 0:
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000, 20, 50)


async def _open(database: Database) -> None:
    for attempt in range(1, 61):
        try:
            await database.open()
        except CONNECTION_LOST as error:
            if attempt == 60:
                raise
            _log.warning("waiting for PostgreSQL: %s", error)
            await asyncio.sleep(0.5)
        else:
            return


async def _keep(worker: Worker, app: FastAPI) -> None:
    """Run a worker for ever; an error is logged and the worker starts again."""
    pause = 0.2
    while True:
        started = asyncio.get_running_loop().time()
        try:
            await worker(app)
        except CONNECTION_LOST as error:
            _log.warning("%s waits for the database: %s", _name(worker), error)
        except Exception:  # noqa: BLE001  whatever it is, the others go on
            _log.exception("%s failed and starts again", _name(worker))
        pause = 0.2 if asyncio.get_running_loop().time() - started > 30 else min(pause * 2, 10)
        await asyncio.sleep(pause)


def _name(worker: Worker) -> str:
    return str(getattr(worker, "__qualname__", worker))


async def _housekeeping(app: FastAPI) -> None:
    database: Database = app.state.database
    while True:
        async with database.transaction() as connection:
            await idempotency.purge(connection)
        await asyncio.sleep(_HOUSEKEEPING_SECONDS)


async def _end(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel until it is heard: a driver that times out at the same moment turns a cancellation into its own error."""
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=1)


def _let_go_on_stop(tail: FeedTail) -> None:
    """End long polls as soon as the process is told to stop: the server waits for open requests first."""
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)
        if not callable(before):
            continue

        def handler(
            number: int,
            frame: FrameType | None,
            before: Callable[[int, FrameType | None], object] = before,
        ) -> None:
            loop.call_soon_threadsafe(lambda: asyncio.ensure_future(tail.close()))
            before(number, frame)

        signal.signal(number, handler)


async def _on_connection_lost(request: Request, error: Exception) -> Response:
    _log.warning("answering 503: %s: %s", type(error).__name__, error)
    return errors.problem_response(
        request.url.path,
        503,
        "unavailable",
        "The service cannot reach its database at the moment",
        "Nothing was changed; try again shortly.",
        headers={"Retry-After": "1"},
    )


async def _on_driver_error(request: Request, error: Exception) -> Response:
    if isinstance(error, DBAPIError) and (
        error.connection_invalidated or isinstance(error.orig.__cause__ if error.orig else None, CONNECTION_LOST)
    ):
        return await _on_connection_lost(request, error)
    raise error
