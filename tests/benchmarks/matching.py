"""Duplicates without a common identifier: quality against a plain Splink set-up, and a million records."""

import asyncio
import itertools
import logging
import random
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta

import duckdb
import pyarrow as pa
import splink.comparison_library as cl
from profile_service.matching.linkage.clusters import clusters
from profile_service.matching.linkage.engines import Resources
from profile_service.matching.linkage.pairs import pairs_of
from profile_service.matching.linkage.records import Record
from profile_service.settings import ProfileSettings
from splink import Linker, SettingsCreator, block_on
from splink.backends.duckdb import DuckDBAPI

from tests.benchmarks.febrl import Persons, data_sets
from tests.benchmarks.table import Row, of_rounds

_ROUNDS = 3
_MILLION = 1_000_000
_LINK: float = ProfileSettings.model_fields["match_link_probability"].default
_SYLLABLES = [a + b for a in "bdklmnrst" for b in "aeio"]


def f1(found: Sequence[int], persons: Sequence[str]) -> float:
    """Balance of precision and recall over pairs of records."""
    right = _pairs(Counter(zip(found, persons, strict=True)).values())
    return 2 * right / (_pairs(Counter(found).values()) + _pairs(Counter(persons).values()))


def _pairs(counts: Iterable[int]) -> int:
    return sum(count * (count - 1) // 2 for count in counts)


def _ours(data: Persons) -> tuple[float, float]:
    began = time.perf_counter()
    found = clusters(len(data.records), pairs_of(data.records), _LINK)
    return f1(found, data.persons), time.perf_counter() - began


def _plain(data: Persons) -> tuple[float, float]:
    """Splink as its tutorials set it up."""
    began = time.perf_counter()
    names = ("given_name", "family_name", "birth_date", "street", "city", "region", "postcode")
    columns = {name: pa.array([getattr(each, name) for each in data.records], pa.string()) for name in names}
    with duckdb.connect(":memory:") as connection:
        api = DuckDBAPI(connection)
        settings = SettingsCreator(
            link_type="dedupe_only",
            comparisons=[
                cl.NameComparison("given_name").configure(term_frequency_adjustments=True),
                cl.NameComparison("family_name").configure(term_frequency_adjustments=True),
                cl.LevenshteinAtThresholds("birth_date", [1, 2]),
                cl.JaroWinklerAtThresholds("street"),
                cl.JaroWinklerAtThresholds("city").configure(term_frequency_adjustments=True),
                cl.LevenshteinAtThresholds("postcode", [1]),
                cl.ExactMatch("region"),
            ],
            blocking_rules_to_generate_predictions=[
                block_on("given_name", "family_name"),
                block_on("birth_date"),
                block_on("family_name", "postcode"),
                block_on("given_name", "postcode"),
                block_on("street", "city"),
                block_on("city", "family_name"),
                block_on("street", "postcode"),
            ],
        )
        table = pa.table({"unique_id": pa.array(range(len(data.records))), **columns})
        linker = Linker(api.register(table), settings, log_level=logging.ERROR)
        same = "l.given_name = r.given_name AND l.family_name = r.family_name AND l.birth_date = r.birth_date"
        linker.training.estimate_probability_two_random_records_match([same], recall=0.6)
        linker.training.estimate_u_using_random_sampling(1_000_001, seed=1)
        for block in (block_on("birth_date"), block_on("given_name", "family_name")):
            linker.training.estimate_parameters_using_expectation_maximisation(block)
        pairs = linker.inference.predict(threshold_match_probability=0.01)
        found = linker.clustering.cluster_pairwise_predictions_at_threshold(pairs, 0.9)
        rows = connection.execute(f"SELECT cluster_id FROM {found.physical_name} ORDER BY unique_id").fetchall()
    return f1([row[0] for row in rows], data.persons), time.perf_counter() - began


def people(count: int) -> Iterator[Record]:
    """Made-up people: common and rare names, families at one address, one in twenty recorded twice with mistakes."""
    rnd = random.Random(5)

    def words(number: int, most: int) -> list[str]:
        made = {"".join(rnd.choices(_SYLLABLES, k=rnd.randint(2, most))) for _ in range(number)}
        return sorted(made)

    given, family, streets, cities = words(3_000, 3), words(40_000, 4), words(30_000, 4), words(2_500, 3)
    often = [list(itertools.accumulate(1 / (8 + rank) for rank in range(len(each)))) for each in (given, family)]

    def household() -> Iterator[Record]:
        name, city = rnd.choices(family, cum_weights=often[1])[0], rnd.randrange(len(cities))
        street, postcode = f"{rnd.randint(1, 400)} {rnd.choice(streets)}", f"{10_000 + city * 4 + rnd.randrange(4)}"
        for _ in range(rnd.choice((1, 1, 2, 2, 3, 4))):
            born = date(1935, 1, 1) + timedelta(days=rnd.randrange(27_000))
            first, last = rnd.choices(given, cum_weights=often[0])[0], name
            for _ in range(2 if rnd.random() < 0.05 else 1):
                yield Record(first, last, None, born.isoformat(), street, cities[city], None, postcode)
                at = rnd.randrange(len(last))
                last, born = last[:at] + rnd.choice("aeiou") + last[at:], born.replace(day=1 + born.day % 28)

    return itertools.islice(itertools.chain.from_iterable(household() for _ in range(count)), count)


def _million() -> Row:
    """In a process of its own, so that its memory can be told."""
    began = time.perf_counter()
    run = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.matching", str(_MILLION)], check=True, capture_output=True, text=True
    )
    memory, pairs = run.stdout.split()
    note = f"{int(pairs):,} pairs, at most {int(memory) / 1024:.1f} GB in all, 2 threads"
    seconds = time.perf_counter() - began
    return Row("duplicates among 1 M profiles", seconds, None, None, 600, "s", note, "lower")


async def run() -> Sequence[Row]:
    """F1 with the settings as they come, in turns with the plain set-up; then the million."""
    rows = []
    try:
        sets = await asyncio.to_thread(data_sets)
    except subprocess.CalledProcessError:
        sets = {}
    for name, data in sets.items():
        rounds = [(_ours(data), _plain(data)) for _ in range(_ROUNDS)]
        quality = [(ours[0], plain[0]) for ours, plain in rounds]
        rows.append(of_rounds(f"duplicates in {name}, F1", quality, goal=1, unit="", note="baseline: plain Splink"))
        speed = [(ours[1], plain[1]) for ours, plain in rounds]
        rows.append(of_rounds(f"duplicates in {name}, time", speed, goal=None, unit="s", better="lower"))
    return [*rows, await asyncio.to_thread(_million)]


def _measure(count: int) -> None:
    found = pairs_of(people(count), at_least=0.5, resources=Resources(memory="2GB"))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sys.stdout.write(f"{memory} {len(found)}\n")


if __name__ == "__main__":
    _measure(int(sys.argv[1]))
