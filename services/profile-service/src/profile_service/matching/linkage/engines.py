"""Where pairs are compared: DuckDB on this machine, or Spark."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import duckdb
from splink.backends.duckdb import DuckDBAPI

Engine = Literal["duckdb", "spark"]


@dataclass(frozen=True, slots=True)
class Resources:
    """What a run may use; `spark_master` as Spark names it, such as `local[2]` or `spark://host:7077`."""

    engine: Engine = "duckdb"
    memory: str = "1GB"
    threads: int = 2
    scratch: str | None = None
    spark_master: str = "local[*]"


@contextmanager
def columns(resources: Resources) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB database in memory, within the limits given; what does not fit goes to the scratch folder."""
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": resources.memory,
        "threads": resources.threads,
        "preserve_insertion_order": False,
        # Nothing is fetched from anywhere while the service runs.
        "autoinstall_known_extensions": False,
    }
    if resources.scratch is not None:
        settings["temp_directory"] = resources.scratch
    with duckdb.connect(":memory:", config=settings) as connection:
        yield connection


@contextmanager
def linkage_api(resources: Resources, connection: duckdb.DuckDBPyConnection) -> Iterator[Any]:
    """Splink's door to the engine chosen."""
    if resources.engine == "duckdb":
        yield DuckDBAPI(connection)
        return
    session = _spark(resources)
    try:
        from splink.backends.spark import SparkAPI  # noqa: PLC0415  pyspark is an extra

        api: Any = SparkAPI
        yield api(spark_session=session, break_lineage_method="persist")
    finally:
        session.stop()


def _spark(resources: Resources) -> Any:
    from pyspark.sql import SparkSession  # noqa: PLC0415  pyspark is an extra
    from splink.backends.spark import similarity_jar_location  # noqa: PLC0415

    builder: Any = SparkSession.builder
    return (
        builder.master(resources.spark_master)
        .appName("rapport-matching")
        .config("spark.jars", similarity_jar_location())
        .config("spark.sql.shuffle.partitions", str(max(4, 2 * resources.threads)))
        .config("spark.driver.memory", resources.memory.replace("GB", "g").replace("MB", "m"))
        .config("spark.ui.enabled", "false")
        .config("spark.sql.execution.arrow.pyspark.enabled", "true")
        .getOrCreate()
    )


@contextmanager
def readable(api: Any, frame: Any, connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """The name under which `connection` reads a frame of Splink's, whichever engine made it."""
    if isinstance(api, DuckDBAPI):
        yield frame.physical_name
        return
    connection.register("predicted", frame.as_spark_dataframe().toArrow())
    try:
        yield "predicted"
    finally:
        connection.unregister("predicted")
