"""A list of a million people, twelve columns each, taken in with identity resolution; a bare COPY of it beside."""

import asyncio
import csv
import io
import json
import random
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

import asyncpg
from fastapi import FastAPI
from profile_service.imports import service
from profile_service.imports.files import recognise
from profile_service.imports.job import run as run_import
from profile_service.imports.schemas import Spec
from profile_service.imports.service import JOB
from profile_service.imports.upload import Upload
from profile_service.jobs.worker import do_next
from profile_service.policy import Policy
from profile_service.settings import ProfileSettings
from rapport.database import Database, connect_arguments
from rapport_local.migrations import migrate
from rapport_local.postgres import EmbeddedPostgres

from tests.benchmarks.table import Row

ROWS: Final = 1_000_000
_LIMIT_SECONDS: Final = 180.0
_COLUMNS: Final[dict[str, dict[str, str]]] = {
    "email": {"identifier": "email"},
    "phone": {"identifier": "phone"},
    "first": {"trait": "given_name"},
    "last": {"trait": "family_name"},
    "born": {"trait": "birth_date"},
    "gender": {"trait": "gender"},
    "language": {"trait": "language"},
    "street": {"trait": "address.street"},
    "city": {"trait": "address.city"},
    "postcode": {"trait": "address.postcode"},
    "country": {"trait": "address.country"},
    "interest": {"fact": "hobby"},
}


def write_list(path: Path, rows: int = ROWS) -> None:
    """A CSV file of made-up people, none of them twice."""
    dice = random.Random(3)
    given, family = [f"Given{n}" for n in range(3_000)], [f"Family{n}" for n in range(20_000)]
    hobbies = ["tea", "chess", "hiking", "music", "tennis", "cooking"]
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(_COLUMNS)
        for number in range(rows):
            born = f"{dice.randint(1940, 2005)}-{dice.randint(1, 12):02}-{dice.randint(1, 28):02}"
            street, city = f"{dice.randint(1, 400)} Street {dice.randint(1, 5_000)}", f"City {dice.randint(1, 800)}"
            out.writerow(
                (
                    f"Person.{number}@Example{number % 97}.org",
                    f"+8869{number:08}",
                    dice.choice(given),
                    dice.choice(family),
                    born,
                    dice.choice("fm"),
                    dice.choice(("zh-TW", "en", "vi")),
                    street,
                    city,
                    f"{dice.randint(10_000, 99_999)}",
                    "TW",
                    dice.choice(hobbies),
                )
            )


@asynccontextmanager
async def _profile_database(folder: Path) -> AsyncIterator[str]:
    server = EmbeddedPostgres(folder / "postgres", databases=("profile",))
    server.start()
    try:
        await migrate("profile", server.url("profile"))
        yield server.url("profile")
    finally:
        server.stop()


async def _import(url: str, path: Path, folder: Path) -> tuple[float, dict[str, Any]]:
    """Seconds from the upload's end to the job's, and the import."""
    settings = ProfileSettings(database_url=url, data_dir=folder / "data")
    policy = Policy(settings.guards(), "TW", settings.consents())
    database = Database(url)
    await database.open()
    state = SimpleNamespace(database=database, settings=settings, policy=policy)
    spec = Spec.model_validate(
        {"source": "list", "lawful_basis": "consent", "permitted_uses": ["marketing"], "mapping": _COLUMNS}
    )
    try:
        with path.open("rb") as file:
            how = recognise(file, list(spec.mapping), "TW")
            upload = Upload(file, path.name, path.stat().st_size, how, spec)
            async with database.transaction() as connection:
                started = await service.start(connection, policy, upload, "benchmark")
        began = time.perf_counter()
        await do_next(cast("FastAPI", SimpleNamespace(state=state)), database, JOB, run_import)
        seconds = time.perf_counter() - began
        async with database.transaction() as connection:
            done = await service.read(connection, started.id)
    finally:
        await database.close()
    return seconds, json.loads(done.model_dump_json())


async def _bare(url: str, path: Path) -> float:
    """Seconds to COPY the file as it is into a table without an index."""
    connection = await asyncpg.connect(**connect_arguments(url))
    try:
        columns = ", ".join(f"{name} text" for name in _COLUMNS)
        await connection.execute(f"CREATE TABLE bare ({columns})")
        began = time.perf_counter()
        await connection.copy_to_table("bare", source=io.BytesIO(path.read_bytes()), format="csv", header=True)
        return time.perf_counter() - began
    finally:
        await connection.close()


async def run() -> Sequence[Row]:
    """One round: it takes minutes, and what counts is whether it stays under three of them."""
    with tempfile.TemporaryDirectory(prefix="rp-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        path = folder / "list.csv"
        await asyncio.to_thread(write_list, path)
        async with _profile_database(folder) as url:
            bare = await _bare(url, path)
            seconds, done = await _import(url, path, folder)
    if (done["state"], done["accepted"]) != ("succeeded", ROWS):
        raise RuntimeError(f"the import ended so: {done}")
    note = f"1 M rows of 12 columns, 2 M identities, 10 M facts; the bare COPY took {bare:.1f} s"
    return [Row("import of a list", seconds, None, None, _LIMIT_SECONDS, "s", note, "lower")]
