"""Searching a million customers by a misspelt name: the time of a call, one after another, with what it finds."""

import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import quantiles
from uuid import uuid4

import asyncpg
import httpx
import msgspec
from rapport.identity import identity_id
from rapport_local.stack import Stack

from tests.benchmarks.scene import connected, stack
from tests.benchmarks.table import Row
from tests.support.polling import eventually

_PROFILES = 1_000_000
_CALLS = 400
_SYLLABLES = "ma jo an ka pe da ro el li sa mi no ber ter son man ina ella ric bert land stein wood ville ski ova"
_LATIN = _SYLLABLES.split()
_WORDS = "nguyễn trần lê phạm hoàng phan vũ đặng bùi đỗ văn thị đức minh an hòa lan mai thu hương"
_VIETNAMESE = _WORDS.split()
_HAN = "王李張劉陳楊黃趙吳周小明華偉芳娜敏靜麗強磊軍洋勇艷傑娟濤超秀霞平剛桂英志玲建國文德宏怡君雅婷"

Name = tuple[str, str]


def _names(chance: random.Random) -> list[Name]:
    """Given and family names, some of them far more common than others."""
    given = ["".join(chance.choices(_LATIN, k=chance.choice((2, 3)))) for _ in range(4_000)]
    family = ["".join(chance.choices(_LATIN, k=chance.choice((2, 3, 4)))) for _ in range(40_000)]
    weights = [[1 / (rank + 10) for rank in range(len(each))] for each in (given, family)]
    many = _PROFILES * 8 // 10
    latin = list(
        zip(chance.choices(given, weights[0], k=many), chance.choices(family, weights[1], k=many), strict=True)
    )
    few = _PROFILES // 10
    vietnamese = [
        (f"{chance.choice(_VIETNAMESE[10:])} {chance.choice(_VIETNAMESE[12:])}", chance.choice(_VIETNAMESE[:10]))
        for _ in range(few)
    ]
    chinese = [("".join(chance.choices(_HAN[10:], k=2)), chance.choice(_HAN[:10])) for _ in range(few)]
    return latin + vietnamese + chinese


def _misspelt(chance: random.Random, word: str) -> str:
    at = chance.randrange(1, len(word) - 1)
    letter = chance.choice("abcdefghilmnoprstu")
    return chance.choice(
        [
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            word[:at] + word[at + 1 :],
            word[:at] + letter + word[at:],
            word[:at] + letter + word[at + 1 :],
        ]
    )


def _questions(chance: random.Random, names: list[Name]) -> dict[str, list[tuple[str, Name]]]:
    latin, rest = names[: _PROFILES * 8 // 10], names[_PROFILES * 8 // 10 :]
    slips = [
        (f"{_misspelt(chance, given)} {_misspelt(chance, family)}", (given, family))
        for given, family in chance.sample(latin, _CALLS)
    ]
    plain = [(f"{family} {given}", (given, family)) for given, family in chance.sample(latin + rest, _CALLS)]
    common = [(family, (given, family)) for given, family in chance.sample(rest, _CALLS)]
    return {"misspelt twice": slips, "as filed, family first": plain, "a common family name": common}


async def run() -> Sequence[Row]:
    """Fill the index by the worker's own way, then ask."""
    chance = random.Random(7)
    names = _names(chance)
    rows = []
    async with stack() as up:
        await _fill(up, names)
        headers = {"Authorization": f"Bearer {up.info['admin_token']}"}
        async with httpx.AsyncClient(base_url=up.urls["profile"], headers=headers, timeout=60) as client:
            for what, questions in _questions(chance, names).items():
                rows.append(await _ask(client, what, questions))
    return rows


async def _ask(client: httpx.AsyncClient, what: str, questions: list[tuple[str, Name]]) -> Row:
    spent: list[float] = []
    right = 0
    for number, (q, (given, family)) in enumerate(questions):
        began = time.perf_counter()
        response = await client.get("/v1/profiles", params={"q": q, "limit": 10})
        if number >= 20:
            spent.append((time.perf_counter() - began) * 1000)
        response.raise_for_status()
        traits = [each["traits"] for each in response.json()["items"]]
        right += any((each.get("given_name"), each.get("family_name")) == (given, family) for each in traits)
    cuts = quantiles(spent, n=100)
    note = f"median {cuts[49]:.0f} ms; among the first ten in {right / len(questions):.0%}"
    return Row(f"search, {what}: p95", cuts[94], None, None, 100, "ms", note, better="lower")


async def _taken_in(connection: "asyncpg.Connection[asyncpg.Record]") -> bool:
    return not await connection.fetchval("SELECT EXISTS (SELECT FROM search_pending)")


async def _fill(up: Stack, names: list[Name]) -> None:
    now = datetime.now(UTC)
    ids = [identity_id("user_id", f"c-{number}") for number in range(len(names))]
    profiles = [uuid4() for _ in names]
    identities = [
        (each, "user_id", f"c-{number}", profile, profile, now)
        for number, (each, profile) in enumerate(zip(ids, profiles, strict=True))
    ]
    facts = [
        (each, key, msgspec.json.encode(value).decode(), value.encode(), "stated", "benchmark", 1.0, now, now)
        for each, name in zip(ids, names, strict=True)
        for key, value in zip(("given_name", "family_name"), name, strict=True)
    ]
    async with connected(up, "profile") as connection:
        columns = ["identity_id", "kind", "value", "seed_profile_id", "profile_id", "first_seen"]
        await connection.copy_records_to_table("identity", records=identities, columns=columns)
        columns = ["identity_id", "key", "value", "digest", "origin", "source", "confidence"]
        columns += ["first_observed_at", "observed_at"]
        await connection.copy_records_to_table("fact", records=facts, columns=columns)
        await eventually(lambda: _taken_in(connection), deadline=600, every=1)
        await connection.execute("VACUUM ANALYZE")
