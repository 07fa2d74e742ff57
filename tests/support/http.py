"""Applications under a real server in the loop of the tests."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import uvicorn
from starlette.applications import Starlette

from tests.support.polling import eventually


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Ctrl-C belongs to pytest.
        yield


@contextlib.asynccontextmanager
async def serve(app: Starlette | Callable[[], Any], **options: Any) -> AsyncIterator[str]:
    """Base address of `app`, or of what the factory `app` makes, served over HTTP, with its lifespan.

    `options` go to uvicorn's configuration.
    """
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    settings: dict[str, Any] = {
        "log_config": None,
        "access_log": False,
        "lifespan": "on",
        "http": "httptools",
    }
    settings |= {"timeout_graceful_shutdown": 10} | options
    config = uvicorn.Config(app, factory=not isinstance(app, Starlette), **settings)
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await eventually(lambda: server.started or task.done(), deadline=60)
        if not server.started:
            await task
            raise RuntimeError("the application did not start; the log says why")
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()
