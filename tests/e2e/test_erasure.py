"""I11: the rights of the customer over all four services."""

import os
import signal
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from rapport.database import connect_arguments
from rapport_local.demo.company import Company, good
from rapport_local.postgres import EmbeddedPostgres
from rapport_local.stack import Stack

from tests.support.polling import eventually

EMAIL, PHONE = "ada.byron@example.org", "+886223456789"
SECRETS = {
    "e-mail": "ada.byron@example.org",
    "phone": "223456789",
    "given name": "Augusta",
    "family name": "Byron-King",
    "street": "St James's Square 12",
    "login": "ada-login-77",
    "message": "the blue kettle leaks",
    "answer": "we send a new kettle",
    "case": "kettle has burnt her hand",
    "note": "prefers calls after four",
    "web": "ada-browser-5",
}


@pytest.fixture
async def company(stack: Stack) -> AsyncIterator[Company]:
    """The shop's systems."""
    async with Company(stack.info) as company:
        yield company


async def _live(company: Company, stack: Stack) -> str:
    """A customer with something in every table; her profile."""
    made = good(
        await company.profiles.post(
            "/v1/profiles",
            json={
                "identifiers": [{"kind": "user_id", "value": SECRETS["login"]}, {"kind": "email", "value": EMAIL}],
                "traits": {
                    "given_name": SECRETS["given name"],
                    "family_name": SECRETS["family name"],
                    "phone": PHONE,
                    "address": {"street": SECRETS["street"]},
                },
            },
            headers={"Idempotency-Key": "made once"},
        )
    )
    profile = str(made["profile_id"])
    fact = {"key": "note", "value": SECRETS["note"], "source": "call centre"}
    good(await company.profiles.post(f"/v1/profiles/{profile}/facts", json=fact))
    word = {"status": "granted", "proof": f"mail from {EMAIL}"}
    good(await company.profiles.put(f"/v1/profiles/{profile}/consents/email/marketing", json=word))
    order = {"order_id": "o-77", "revenue": 40, "currency": "USD", "email": EMAIL}
    await company.collect("identify", {"userId": SECRETS["login"], "anonymousId": SECRETS["web"], "traits": {}})
    await company.collect("track", {"userId": SECRETS["login"], "event": "Order Completed", "properties": order})
    await _talk(company, profile)
    await eventually(lambda: _known(company, profile), deadline=30)
    await _mail(company, stack)
    return profile


async def _talk(company: Company, profile: str) -> None:
    body = {
        "channel": "phone",
        "direction": "inbound",
        "identifiers": [{"kind": "phone", "value": PHONE}],
        "message": {"text": SECRETS["message"]},
        "create_profile": True,
    }
    engaged = good(
        await company.interactions.post("/v1/engagements", json=body, headers={"Idempotency-Key": "engaged once"})
    )
    place = f"/v1/conversations/{engaged['conversation']['conversation_id']}/messages"
    said = {"direction": "outbound", "channel": "phone", "author": "Lee", "text": SECRETS["answer"]}
    good(await company.interactions.post(place, json=said, headers={"Idempotency-Key": "said once"}))
    case = {"profile_id": profile, "kind": "complaint", "severity": "high", "subject": SECRETS["case"]}
    opened = good(await company.interactions.post("/v1/cases", json=case, headers={"Idempotency-Key": "opened once"}))
    good(await company.interactions.patch(f"/v1/cases/{opened['case_id']}", json={"state": "resolved"}))


async def _known(company: Company, profile: str) -> bool:
    standing = await company.standing(profile)
    return standing is not None and standing["totals"]["orders"] == 1


async def _mail(company: Company, stack: Stack) -> None:
    """A campaign that writes to everybody who allows it."""
    profiles = [each["profile_id"] for each in good(await company.profiles.get("/v1/profiles"))["items"]]
    campaign = {
        "name": "Kettles",
        "channel": "email",
        "audience": {"profile_ids": profiles},
        "template": {"subject": "For {{ profile.given_name }}", "text": "Dear {{ profile.given_name }}"},
        "control_share": 0,
    }
    made = good(await company.campaigns.post("/v1/campaigns", json=campaign))
    good(await company.campaigns.post(f"/v1/campaigns/{made['campaign_id']}/launch"))
    await eventually(lambda: list(stack.mail.folder.glob("**/*.eml")), deadline=30)


async def _finished(company: Company, request: Mapping[str, Any], deadline: float = 60) -> dict[str, Any]:
    async def over() -> dict[str, Any] | None:
        found = good(await company.profiles.get(f"/v1/privacy-requests/{request['id']}"))
        return found if found["state"] == "succeeded" else None

    done: dict[str, Any] | None = await eventually(over, deadline=deadline)
    assert done is not None
    assert done["missing"] == []
    assert {each["service"] for each in done["receipts"]} == {"profile", "segment", "campaign", "interaction"}
    return done


async def _ask(company: Company, type_: str, **identifier: str) -> dict[str, Any]:
    named = [{"kind": kind, "value": value} for kind, value in identifier.items()]
    return good(await company.profiles.post("/v1/privacy-requests", json={"type": type_, "identifiers": named}))


async def _everything(stack: Stack) -> str:
    """Every row of every table of the four databases as text, the log files, the column files."""
    texts = []
    for name in stack.urls:
        connection = await asyncpg.connect(**connect_arguments(_database(stack, name)))
        tables = await connection.fetch(
            "SELECT oid::regclass::text AS name FROM pg_class "
            "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        for table in tables:
            rows = await connection.fetch(f"SELECT t::text FROM {table['name']} AS t")
            # Bytes are shown as hexadecimal digits, in which nothing could be found.
            texts += [f"{name}.{table['name']}: {row[0]}" for row in rows]
        for row in await connection.fetch("SELECT encode(body, 'escape') FROM idempotency"):
            texts.append(f"{name}.idempotency.body: {row[0]}")
        await connection.close()
    for path in (stack.home / "log", stack.home / "data", stack.home / "postgres"):
        texts += [f"{each}: {each.read_text(errors='replace')}" for each in path.rglob("*") if _readable(each)]
    return "\n".join(texts)


def _database(stack: Stack, name: str) -> str:
    return EmbeddedPostgres(stack.home / "postgres").url(name)


def _readable(path: Path) -> bool:
    return path.is_file() and path.suffix in {".log", ".parquet", ".csv", ".json"}


def _found(everything: str) -> dict[str, str]:
    lines = everything.splitlines()
    return {
        what: next(line for line in lines if secret in line)[:300]
        for what, secret in SECRETS.items()
        if secret in everything
    }


@pytest.mark.timeout(600)
async def test_i11_after_an_erasure_no_service_holds_the_values(company: Company, stack: Stack) -> None:
    profile = await _live(company, stack)
    other = await company.profiles.post(
        "/v1/profiles", json={"identifiers": [{"kind": "user_id", "value": "bob"}], "traits": {"given_name": "Bob"}}
    )
    assert _found(await _everything(stack)).keys() == SECRETS.keys(), "the search must be able to find them"

    access = await _finished(company, await _ask(company, "access", email=EMAIL))
    await _see(company, access)

    # One service is killed, another stopped, while the erasure is on its way.
    os.kill(stack.info["pids"]["interaction"], signal.SIGSTOP)
    try:
        request = await _ask(company, "erasure", email=EMAIL)
        killed = stack.info["pids"]["profile"]
        os.kill(killed, signal.SIGKILL)
        await eventually(lambda: stack.info["pids"].get("profile") not in {killed, None}, deadline=60)
    finally:
        os.kill(stack.info["pids"]["interaction"], signal.SIGCONT)
    done = await _finished(company, request, deadline=120)

    counts = {each["service"]: each["counts"] for each in done["receipts"]}
    assert counts["profile"]["identity"] == 4
    assert counts["interaction"]["conversation_message"] == 2
    assert counts["campaign"]["send"] == 1
    assert counts["segment"]["purchase"] == 1
    await company.recompute()
    assert _found(await _everything(stack)) == {}

    assert (await company.profiles.get(f"/v1/profiles/{profile}")).status_code == 404
    assert (await company.profiles.get(f"/v1/privacy-requests/{access['id']}/export")).status_code == 404
    assert await company.resolve("email", EMAIL) is None
    assert good(await company.profiles.get(f"/v1/profiles/{other.json()['profile_id']}"))["traits"] == {
        "given_name": "Bob"
    }
    await _stays_left_alone(company)


async def _see(company: Company, access: Mapping[str, Any]) -> None:
    place = access["exports"]
    document = (await company.profiles.get(place["json"])).text
    page = (await company.profiles.get(place["html"])).text
    lines = (await company.profiles.get(place["ndjson"])).text
    for secret in ("login", "given name", "note", "message", "answer", "case"):
        assert SECRETS[secret] in document, secret
        assert SECRETS[secret] in page, secret
        assert SECRETS[secret] in lines, secret
    assert all(line.startswith('{"service":') for line in lines.splitlines())


async def _stays_left_alone(company: Company) -> None:
    """Who comes back, by a list or by herself, is known anew and still not written to."""
    again = good(
        await company.profiles.post(
            "/v1/profiles/resolve", json={"identifiers": [{"kind": "email", "value": EMAIL}], "create": True}
        )
    )["profile_id"]
    word = {"status": "granted", "source": "a list"}
    good(await company.profiles.put(f"/v1/profiles/{again}/consents/email/marketing", json=word))
    body = {"profile_ids": [again], "channel": "email", "purpose": "marketing"}
    (item,) = good(await company.profiles.post("/v1/consents/check", json=body))["items"]
    assert (item["allowed"], item["reason"]) == (False, "suppressed")
    retried = await company.profiles.post(
        "/v1/profiles",
        json={
            "identifiers": [{"kind": "user_id", "value": SECRETS["login"]}, {"kind": "email", "value": EMAIL}],
            "traits": {
                "given_name": SECRETS["given name"],
                "family_name": SECRETS["family name"],
                "phone": PHONE,
                "address": {"street": SECRETS["street"]},
            },
        },
        headers={"Idempotency-Key": "made once"},
    )
    assert retried.status_code == 410, "a request sent once more must not bring her back"
