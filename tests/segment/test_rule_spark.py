"""Row D10 on Spark: a master and a worker on this machine give the members that DuckDB gives (`make test-spark`)."""

import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from segment_service.columns.engine import Engine
from segment_service.conditions.batch import DuckBatch
from segment_service.conditions.parser import parse
from segment_service.conditions.relations import COLUMNS
from segment_service.conditions.spark import SparkBatch

from tests.segment.rule_cases import NOW, Json, customers, rules
from tests.segment.rule_engines import in_duckdb, rows_of
from tests.support.polling import eventually
from tests.support.processes import free_port

pyspark = pytest.importorskip("pyspark", reason="the extra `spark` is not installed")
pytestmark = [
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java"),
    pytest.mark.filterwarnings("default"),
    pytest.mark.timeout(900),
]

_HOST: Final = "127.0.0.1"
_PEOPLE: Final = 40
_EXAMPLES: Final = int(os.environ.get("SPARK_EXAMPLES", "25"))


@contextmanager
def _running(folder: Path, name: str, *arguments: str) -> Iterator[None]:
    home = Path(pyspark.__file__).parent
    environment = {**os.environ, "SPARK_HOME": str(home), "SPARK_LOCAL_IP": _HOST, "SPARK_NO_DAEMONIZE": "1"}
    with (folder / f"{name}.log").open("w") as log:
        process = subprocess.Popen(
            [str(home / "bin" / "spark-class"), f"org.apache.spark.deploy.{name}", *arguments],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((_HOST, port)) == 0


@pytest.fixture(scope="module")
async def master(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The address of a cluster of one worker, both on loopback."""
    folder, port = tmp_path_factory.mktemp("cluster"), free_port()
    url = f"spark://{_HOST}:{port}"
    with (
        pytest.MonkeyPatch.context() as patch,
        _running(folder, "master.Master", "--host", _HOST, "--port", str(port), "--webui-port", "0"),
    ):
        patch.setenv("SPARK_LOCAL_IP", _HOST)
        await eventually(lambda: _listens(port), deadline=120)
        worker = ("--host", _HOST, "--cores", "1", "--memory", "1g", "--webui-port", "0", "--work-dir", str(folder))
        with _running(folder, "worker.Worker", *worker, url):
            yield url


@pytest.fixture(scope="module")
async def spark(master: str) -> AsyncIterator[SparkBatch]:
    batch = SparkBatch(master, _HOST)
    yield batch
    await batch.close()


@pytest.fixture(scope="module")
def duck(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckBatch]:
    engine = Engine(tmp_path_factory.mktemp("scratch"))
    yield DuckBatch(engine)
    engine.close()


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Relations over Parquet files, one of them with rows that replace earlier ones."""
    folder = tmp_path_factory.mktemp("files")
    rows = rows_of(customers(7, _PEOPLE))
    made = []
    with duckdb.connect(":memory:") as connection:
        for name in ("identity_map", *COLUMNS):
            if name == "clock":
                continue
            connection.execute(f"COPY ({in_duckdb(name, rows[name])}) TO '{folder / name}.parquet' (FORMAT parquet)")
            made.append(f"CREATE VIEW {name} AS {_view(name, folder)}")
        tags = f"FROM read_parquet('{folder}/trait.parquet') WHERE key = 'tags'"
        for name, columns in (("gone", "profile_id"), ("instead", "* REPLACE ('country' AS key)")):
            connection.execute(f"COPY (SELECT {columns} {tags}) TO '{folder / name}.parquet' (FORMAT parquet)")
    return made


def _view(name: str, folder: Path) -> str:
    if name in {"event", "event_value"}:
        columns = ", ".join(f'happened."{column}"' for column in COLUMNS[name] if column != "profile_id")
        return (
            f"SELECT identity_map.profile_id, {columns} FROM read_parquet(['{folder / name}.parquet']) AS happened "
            "JOIN identity_map ON identity_map.identity_id = happened.identity_id"
        )
    base = f"SELECT * FROM read_parquet('{folder / name}.parquet') AS base"
    if name != "trait":
        return base
    gone = f"SELECT 1 FROM read_parquet('{folder}/gone.parquet') AS gone WHERE gone.profile_id = base.profile_id"
    return f"{base} WHERE NOT EXISTS ({gone}) UNION ALL SELECT * FROM read_parquet('{folder}/instead.parquet')"


@given(source=rules)
@settings(
    max_examples=_EXAMPLES,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_d10_spark_gives_the_members_that_duckdb_gives(
    spark: SparkBatch, duck: DuckBatch, views: list[str], source: Json
) -> None:
    rule = parse(source)
    found = await spark.judge(rule, views, NOW)
    assert sorted(found) == sorted(await duck.judge(rule, views, NOW))
