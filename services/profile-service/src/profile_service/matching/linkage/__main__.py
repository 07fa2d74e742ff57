"""Finding duplicates in a process of its own: `python -m profile_service.matching.linkage <folder>`.

The folder holds `options.json` and `records-*.csv` (column `id`, then those of `Record`); `pairs.parquet` is put there.
Progress goes to standard output, a line `done total` each. Ends when its standard input is closed, so that it does not
outlive the service that asked.
"""

import csv
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from profile_service.matching.linkage.engines import Resources
from profile_service.matching.linkage.pair import Pair
from profile_service.matching.linkage.pairs import pairs_of
from profile_service.matching.linkage.records import Record

_FIELDS = (
    "given_name",
    "family_name",
    "display_name",
    "birth_date",
    "street",
    "city",
    "region",
    "postcode",
    "email",
    "phone",
)


class Options(msgspec.Struct, forbid_unknown_fields=True):
    """What is asked for; `review` is the least probability of a pair to be told of."""

    review: float
    resources: Resources


def _main(folder: Path) -> None:
    threading.Thread(target=_end_with_the_service, daemon=True).start()
    options = msgspec.json.decode((folder / "options.json").read_bytes(), type=Options)
    ids: list[str] = []
    found = pairs_of(_records(folder, ids), at_least=options.review, resources=options.resources, progress=_tell)
    _write(folder / "pairs.parquet", ids, found)


def _end_with_the_service() -> None:
    # Not through sys.stdin, whose lock would be held when this process ends by itself.
    while os.read(0, 4096):
        pass
    os._exit(1)


def _tell(done: int, total: int) -> None:
    sys.stdout.write(f"{done} {total}\n")
    sys.stdout.flush()


def _records(folder: Path, ids: list[str]) -> Iterator[Record]:
    for path in sorted(folder.glob("records-*.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                ids.append(row["id"])
                yield Record(**{name: row[name] or None for name in _FIELDS}, changed=row["changed"] == "t")


def _write(path: Path, ids: list[str], found: list[Pair]) -> None:
    weights = [msgspec.json.encode([[each.field, each.level, each.weight] for each in pair.weights]) for pair in found]
    table = pa.table(
        {
            "a": pa.array([ids[pair.a] for pair in found], pa.string()),
            "b": pa.array([ids[pair.b] for pair in found], pa.string()),
            "probability": pa.array([pair.probability for pair in found], pa.float64()),
            "lacks": pa.array([pair.lacks for pair in found], pa.list_(pa.string())),
            "weights": pa.array([each.decode() for each in weights], pa.string()),
        }
    )
    partial = path.with_suffix(".partial")
    pq.write_table(table, partial)
    partial.replace(path)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
