"""I9: `rapport import`."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from rapport_local.cli import main

from tests.conftest import TokenFactory
from tests.profile.lists import SPEC, Lists

LIST = "E-mail,Mobile,First,Last,Note\r\nada@example.org,,Ada,Lovelace,x\r\nnobody,,Grace,Hopper,y\r\n"


@pytest.fixture
async def working(lists: Lists) -> AsyncIterator[Lists]:
    """Imports that a worker takes up."""

    async def work() -> None:
        while True:
            if not await lists.work():
                await asyncio.sleep(0.05)

    worker = asyncio.create_task(work())
    yield lists
    worker.cancel()
    with suppress(asyncio.CancelledError):
        await worker


@pytest.fixture
def command(working: Lists, token: TokenFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command for a list and its specification."""
    monkeypatch.setenv("RAPPORT_HOME", str(tmp_path / "home"))
    (tmp_path / "list.csv").write_text(LIST)
    (tmp_path / "spec.json").write_text(json.dumps(SPEC))
    service = [
        "--url",
        str(working.client.base_url),
        "--token",
        token("profiles:read", "profiles:write", "profiles:pii"),
    ]
    return ["import", str(tmp_path / "list.csv"), "--spec", str(tmp_path / "spec.json"), *service]


async def test_i9_the_command_takes_a_list_in_and_keeps_the_reasons(
    working: Lists, command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await asyncio.to_thread(main, command) == 0
    said = capsys.readouterr().out
    assert "Read as csv, utf-8, delimiter ',', quote '\"'" in said
    assert "succeeded: 2 rows, 1 accepted, 1 rejected" in said
    assert "2/2" in said
    reasons = (tmp_path / "list.csv.errors.csv").read_text().splitlines()
    assert reasons[0] == "row,column,reason,value"
    assert reasons[1].startswith("2,E-mail,")
    assert await working.database.pool.fetchval("SELECT count(*) FROM list_membership") == 1


async def test_i9_the_command_shows_the_first_rows_and_keeps_nothing(
    working: Lists, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert await asyncio.to_thread(main, [*command, "--preview"]) == 0
    said = capsys.readouterr().out
    assert "ada@example.org" in said
    assert "Columns not mapped: Note" in said
    assert await working.database.pool.fetchval("SELECT count(*) FROM list_import") == 0


async def test_i9_the_command_says_what_to_mend(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "spec.json").write_text(json.dumps({**SPEC, "mapping": {"Fax": {"identifier": "phone"}}}))
    assert await asyncio.to_thread(main, command) == 1
    assert "/spec/mapping/Fax: The file has no such column" in capsys.readouterr().err
    assert await asyncio.to_thread(main, ["import", "nowhere.csv", *command[2:]]) == 1
    assert "nowhere.csv: No such file" in capsys.readouterr().err
    assert await asyncio.to_thread(main, command[:4]) == 1
    assert "no stack runs on" in capsys.readouterr().err
    assert await asyncio.to_thread(main, [*command[:5], "http://127.0.0.1:9", *command[6:]]) == 1
    assert "cannot be reached" in capsys.readouterr().err
