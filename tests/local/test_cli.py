"""The commands."""

import time
from pathlib import Path

import pytest
from rapport.tokens import TokenVerifier
from rapport_local.cli import main
from rapport_local.stack import port_base
from rapport_local.supervisor import StackFailed


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPPORT_HOME", str(tmp_path / "home"))


def test_token_prints_a_token_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token", "--scopes", "profiles:read segments:read", "--days", "2"]) == 0
    output = capsys.readouterr()
    principal = TokenVerifier(tmp_path / "home" / "keys" / "jwks.json").verify(output.out.strip())
    assert principal.scopes == {"profiles:read", "segments:read"}
    assert principal.expires_at == pytest.approx(time.time() + 2 * 86400, abs=60)
    assert output.err == ""


def test_rotation_keeps_older_tokens_good(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token", "--scopes", "collect"]) == 0
    assert main(["token", "--scopes", "collect", "--rotate"]) == 0
    older, newer = capsys.readouterr().out.split()
    verifier = TokenVerifier(tmp_path / "home" / "keys" / "jwks.json")
    assert verifier.verify(older).scopes == verifier.verify(newer).scopes == {"collect"}
    assert older.split(".")[0] != newer.split(".")[0]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--scopes", "profiles:raed"], "profiles:raed"),
        (["--scopes", "profiles:raed"], "profiles:read"),
        (["--scopes", ""], "at least one scope"),
        (["--scopes", "collect", "--days", "0"], "days above 0"),
        (["--scopes", "collect", "--days", "1e300"], "rapport:"),
    ],
)
def test_a_wrong_token_is_explained(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token", *arguments]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert told in output.err


def test_stop_says_when_nothing_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stop"]) == 0
    assert "nothing runs" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", ["http", "-1", "0", "65535"])
def test_a_wrong_port_base_is_explained(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPPORT_PORT_BASE", wrong)
    with pytest.raises(StackFailed, match="RAPPORT_PORT_BASE"):
        port_base()
