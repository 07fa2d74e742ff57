"""The baseline of the hot reads: bare FastAPI and asyncpg, one row by primary key, no response model."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
from fastapi import FastAPI, Response
from rapport.database import LeanConnection, connect_arguments


def create_app() -> FastAPI:
    """Reads `bare(id uuid primary key, body text)` of the database in BARE_DATABASE_URL."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.pool = await asyncpg.create_pool(
            **connect_arguments(os.environ["BARE_DATABASE_URL"]),
            min_size=10,
            max_size=10,
            connection_class=LeanConnection,
        )
        yield
        await app.state.pool.close()

    app = FastAPI(lifespan=lifespan)

    @app.get("/rows/{row}")
    async def read(row: UUID) -> Response:
        body = await app.state.pool.fetchval("SELECT body FROM bare WHERE id = $1", row)
        return Response(body, media_type="application/json")

    @app.get("/health/ready")
    async def ready() -> str:
        return "ok"

    return app
