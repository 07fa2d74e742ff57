"""I9: lists imported with source, lawful basis, permitted uses and expiry."""

import copy
import json
from typing import Any
from uuid import uuid4

import pytest

from tests.conftest import TokenFactory
from tests.profile.conftest import Profiles
from tests.profile.lists import SPEC, Lists

HEADER = "E-mail,Mobile,First,Last\r\n"
LIST = HEADER + (
    "Ada@Example.org,0912 345 678,Ada,Lovelace\r\n"
    "grace@example.org,,Grace,Hopper\r\n"
    "not an address,0922333444,Nobody,Known\r\n"
    ",12,Too,Short\r\n"
    ",,Only,Named\r\n"
    ",,,\r\n"
    ",0933444555,,\r\n"
)


def spec(**changes: Any) -> dict[str, Any]:
    """The usual specification, changed."""
    return {**copy.deepcopy(SPEC), **changes}


async def test_i9_a_list_is_taken_in_and_every_bad_row_is_reported_with_its_reason(
    lists: Lists, profiles: Profiles
) -> None:
    started = await lists.start(LIST)
    assert {key: started[key] for key in ("state", "rows", "accepted", "rejected")} == {
        "state": "queued",
        "rows": 0,
        "accepted": 0,
        "rejected": 0,
    }
    assert started["file_format"] == {
        "format": "csv",
        "encoding": "utf-8",
        "byte_order_mark": False,
        "delimiter": ",",
        "quote": '"',
        "columns": ["E-mail", "Mobile", "First", "Last"],
    }
    assert await lists.work()
    done = await lists.read(started["id"])
    assert (done["state"], done["rows"], done["accepted"], done["rejected"]) == ("succeeded", 6, 4, 2)
    faults = await lists.faults(started["id"])
    assert [(each["row"], each["column"], each["value"]) for each in faults] == [
        ("3", "E-mail", "not an address"),
        ("4", "Mobile", "12"),
    ]
    assert "@-sign" in faults[0]["reason"]
    assert "too few" in faults[1]["reason"]
    ada = await profiles.read(await profiles.profile_of("email", "ada@example.org"))
    assert ada["profile_id"] == await profiles.profile_of("phone", "+886912345678")
    assert ada["traits"] == {"given_name": "Ada", "family_name": "Lovelace"}
    (link,) = await profiles.ledger(ada["profile_id"])
    assert (link["kind"], link["source"], link["event_id"]) == ("import", "spring fair", f"{started['id']}/1")
    grace = await profiles.read(await profiles.profile_of("email", "grace@example.org"))
    response = await profiles.client.get(f"/v1/profiles/{grace['profile_id']}/facts")
    (name, *_) = response.json()["items"]
    assert (name["origin"], name["source"]) == ("observed", "spring fair")
    assert (name["expires_at"], name["import_id"]) == ("2099-12-31T00:00:00Z", done["id"])
    assert done["finished_at"]
    job = (await lists.client.get(f"/v1/jobs/{done['job_id']}")).json()
    assert (job["state"], job["done"], job["total"]) == ("succeeded", 6, 6)
    assert await lists.database.pool.fetchval("SELECT count(*) FROM import_file_part") == 0


async def test_i9_the_answer_says_where_the_job_is_and_lists_can_be_listed(lists: Lists) -> None:
    response = await lists.send(LIST)
    assert response.status_code == 202
    assert response.headers["location"] == f"/v1/jobs/{response.json()['job_id']}"
    second = await lists.start(LIST, spec(source="autumn fair"))
    page = (await lists.client.get("/v1/imports", params={"limit": 1})).json()
    assert [each["id"] for each in page["items"]] == [second["id"]]
    page = (await lists.client.get("/v1/imports", params={"cursor": page["next_cursor"]})).json()
    assert [each["id"] for each in page["items"]] == [response.json()["id"]]
    assert page["next_cursor"] is None
    for path in ("", "/errors.csv"):
        response = await lists.client.get(f"/v1/imports/{uuid4()}{path}")
        assert (response.status_code, response.json()["type"]) == (404, "urn:rapport:problem:unknown-import")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"colour": "red"}, "/spec/colour"),
        ({"source": ""}, "/spec/source"),
        ({"source": None}, "/spec/source"),
        ({"country": "Taiwan"}, "/spec/country"),
        ({"expires_at": "soon"}, "/spec/expires_at"),
        ({"permitted_uses": ["marketing", ""]}, "/spec/permitted_uses/1"),
        ({"mapping": {}}, "/spec/mapping"),
        ({"mapping": {"E-mail": {"identifier": "email"}, "Fax": {"identifier": "phone"}}}, "/spec/mapping/Fax"),
        ({"mapping": {"E-mail": {"identifier": "E-mail"}}}, "/spec/mapping/E-mail/identifier"),
        ({"mapping": {"E-mail": {"identifier": "email", "trait": "email"}}}, "/spec/mapping/E-mail"),
        ({"mapping": {"E-mail": {"identifier": "profile"}}}, "/spec/mapping/E-mail"),
        ({"mapping": {"E-mail": {"column": "email"}}}, "/spec/mapping/E-mail/column"),
        ({"mapping": {"E-mail": {"trait": "a..b"}}}, "/spec/mapping/E-mail"),
        ({"mapping": {"E-mail": {"ignore": True}}}, "/spec/mapping"),
        ({"mapping": {"First": {"trait": "given_name"}, "Last": {"trait": "given_name"}}}, "/spec/mapping/Last"),
    ],
)
async def test_i9_a_wrong_specification_is_refused_with_a_pointer(
    lists: Lists, changes: dict[str, Any], pointer: str
) -> None:
    response = await lists.send(LIST, spec(**changes))
    assert response.status_code == 422, response.text
    assert pointer in {each["pointer"] for each in response.json()["errors"]}
    assert await lists.database.pool.fetchval("SELECT count(*) FROM job") == 0


async def test_i9_the_form_needs_both_parts(lists: Lists) -> None:
    without_file = await lists.client.post("/v1/imports", data={"spec": json.dumps(SPEC)})
    assert [each["pointer"] for each in without_file.json()["errors"]] == ["/file"]
    without_spec = await lists.client.post("/v1/imports", files={"file": ("a.csv", b"a\n1\n")})
    assert [each["pointer"] for each in without_spec.json()["errors"]] == ["/spec"]
    as_json = await lists.client.post("/v1/imports", json=SPEC)
    assert {without_file.status_code, without_spec.status_code, as_json.status_code} == {422}
    broken = await lists.client.post(
        "/v1/imports", content=b"--x\r\nnonsense", headers={"content-type": "multipart/form-data; boundary=x"}
    )
    assert broken.status_code in {400, 422}


async def test_i9_the_documents_say_what_a_specification_holds(lists: Lists) -> None:
    document = (await lists.client.get("/openapi.json")).json()
    form = document["paths"]["/v1/imports"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    mapped = form["properties"]["spec"]["contentSchema"]["properties"]["mapping"]["additionalProperties"]
    assert set(mapped["properties"]) == {"identifier", "trait", "fact", "ignore", "date_format"}
    assert "$ref" not in json.dumps(form)


async def test_i9_a_specification_may_come_as_a_file_part(lists: Lists) -> None:
    parts = [("file", ("list.csv", LIST.encode())), ("spec", ("spec.json", json.dumps(SPEC).encode()))]
    assert (await lists.client.post("/v1/imports", files=parts)).status_code == 202


@pytest.mark.parametrize(
    "empty",
    [
        *(
            b"",
            b"\r\n\r\n",
            b"\xef\xbb\xbf",
            b"PK\x03\x04rest",
            b"PAR1rest",
            b"%PDF-1.7\n",
            b"\xd0\xcf\x11\xe0\xa1\xb1",
        ),
        *(
            b"<html><table></table></html>",
            b'[{"E-mail": "ada@example.org"}]',
            b'[\n  {"E-mail": "ada@example.org"}\n]',
        ),
    ],
)
async def test_i9_a_file_that_is_no_list_is_refused(lists: Lists, empty: bytes) -> None:
    response = await lists.send(empty)
    assert response.status_code == 422, response.text
    assert [each["pointer"] for each in response.json()["errors"]] == ["/file"]


async def test_i9_a_first_line_may_say_what_separates_the_cells(lists: Lists, profiles: Profiles) -> None:
    rows = "sep=;\r\nE-mail;Mobile;First;Last\r\nada@example.org;;Zoë;a,b\r\nnobody;;;\r\n".encode("cp1252")
    done = await lists.take(rows)
    assert (done["rows"], done["accepted"], done["file_format"]["delimiter"]) == (2, 1, ";")
    assert [each["row"] for each in await lists.faults(done["id"])] == ["2"]
    ada = await profiles.read(await profiles.profile_of("email", "ada@example.org"))
    assert ada["traits"]["given_name"] == "Zoë"


async def test_i9_a_column_of_another_case_is_named(lists: Lists) -> None:
    response = await lists.send(HEADER.replace("E-mail", "e-mail") + "ada@example.org,,,\r\n")
    assert [each["detail"] for each in response.json()["errors"]] == ["The file has no such column, but 'e-mail'."]


async def test_i9_a_list_with_a_header_alone_has_no_rows(lists: Lists) -> None:
    done = await lists.take(HEADER)
    assert (done["rows"], done["accepted"], done["rejected"]) == (0, 0, 0)
    assert await lists.faults(done["id"]) == []


async def test_i9_a_preview_shows_the_first_rows_as_they_would_be_read_and_keeps_nothing(lists: Lists) -> None:
    response = await lists.send(LIST, to="/v1/imports/preview?rows=4")
    assert response.status_code == 200, response.text
    answer = response.json()
    assert (answer["accepted"], answer["rejected"], answer["unmapped"]) == (2, 2, [])
    first, _, third, _ = answer["rows"]
    assert first["identifiers"] == [
        {"kind": "email", "value": "ada@example.org"},
        {"kind": "phone", "value": "+886912345678"},
    ]
    assert first["traits"] == {"given_name": "Ada", "family_name": "Lovelace"}
    assert (third["row"], third["accepted"], third["faults"][0]["column"]) == (3, False, "E-mail")
    assert await lists.database.pool.fetchval("SELECT count(*) FROM identity") == 0


async def test_i9_bad_values_are_shown_only_to_those_who_may_see_personal_data(
    lists: Lists, token: TokenFactory
) -> None:
    done = await lists.take(LIST)
    bare = {"Authorization": f"Bearer {token('profiles:read', 'profiles:write')}"}
    assert [each["value"] for each in await lists.faults(done["id"], **bare)] == ["", ""]
    answer = (await lists.send(LIST, to="/v1/imports/preview", headers=bare)).json()
    assert "Ada" not in json.dumps(answer["rows"])
    assert "ada@" not in json.dumps(answer["rows"])
    assert "not an address" not in json.dumps(answer["rows"])
    reader = {"Authorization": f"Bearer {token('profiles:read')}"}
    assert (await lists.send(LIST, headers=reader)).status_code == 403


async def test_i9_people_with_a_name_alone_are_profiles_of_their_own(lists: Lists, profiles: Profiles) -> None:
    names = "First,Last,Town\r\nAda,Lovelace,London\r\nAda,Lovelace,London\r\n"
    mapping = {"First": {"trait": "given_name"}, "Last": {"trait": "family_name"}, "Town": {"trait": "address.city"}}
    done = await lists.take(names, spec(mapping=mapping))
    assert done["accepted"] == 2
    found = (await profiles.client.get("/v1/profiles", params={"q": "Lovelace"})).json()["items"]
    assert len({each["profile_id"] for each in found}) == 2
    assert [each["identifiers"] for each in found] == [[], []]
    assert found[0]["traits"] == {"given_name": "Ada", "family_name": "Lovelace", "address": {"city": "London"}}


async def test_i9_the_same_list_again_brings_what_is_known_up_to_date(lists: Lists, profiles: Profiles) -> None:
    rows = HEADER + "ada@example.org,0912345678,Ada,Byron\r\ngrace@example.org,,Grace,Hopper\r\n"
    await lists.take(rows)
    before = await profiles.map()
    again = await lists.take(rows.replace("Byron", "Lovelace"), spec(expires_at="2099-01-01"))
    assert again["accepted"] == 2
    assert await profiles.map() == before
    ada = await profiles.read(await profiles.profile_of("email", "ada@example.org"))
    assert ada["traits"] == {"given_name": "Ada", "family_name": "Lovelace"}
    facts = await lists.database.pool.fetch("SELECT key, expires_at FROM fact WHERE key = 'given_name'")
    assert {str(each["expires_at"].date()) for each in facts} == {"2099-01-01"}
    assert len(facts) == 2
    changed = [each["data"]["keys"] for each in await profiles.events() if each["type"] == "profile.updated"]
    assert changed == [["family_name"]]


async def test_i9_an_unchanged_list_again_leaves_facts_as_they_are(lists: Lists, profiles: Profiles) -> None:
    rows = HEADER + "ada@example.org,0912345678,Ada,Byron\r\ngrace@example.org,,Grace,Hopper\r\n"
    await lists.take(rows)
    pool = lists.database.pool
    before = await pool.fetch("SELECT fact_id, xmin::text FROM fact ORDER BY fact_id")
    events = len(await profiles.events())
    again = await lists.take(rows)
    assert again["accepted"] == 2
    assert await pool.fetch("SELECT fact_id, xmin::text FROM fact ORDER BY fact_id") == before
    assert len(await profiles.events()) == events
    # They are on the new list all the same.
    assert await pool.fetchval("SELECT count(*) FROM list_membership") == 6
    # Old facts, and facts of a list on other terms, become as new as the list.
    await pool.execute("UPDATE fact SET observed_at = observed_at - interval '8 days' WHERE key = 'given_name'")
    await lists.take(rows)
    ages = await pool.fetch("SELECT key, count(DISTINCT import_id) FROM fact GROUP BY key ORDER BY key")
    refreshed = (
        "SELECT count(*) FROM fact JOIN list_import USING (import_id) WHERE observed_at = list_import.created_at"
    )
    assert [tuple(each) for each in ages] == [("family_name", 1), ("given_name", 1)]
    assert await pool.fetchval(refreshed) == 4
    await lists.take(rows, spec(lawful_basis="consent"))
    last = "SELECT import_id FROM list_import ORDER BY created_at DESC LIMIT 1"
    newest = f"SELECT count(*) FROM fact WHERE import_id = ({last})"
    assert await pool.fetchval(newest) == 4


async def test_i9_a_list_that_says_again_what_was_put_out_of_use_counts_again(lists: Lists, profiles: Profiles) -> None:
    one = HEADER + "ada@example.org,0912345678,Ada,Byron\r\n"
    await lists.take(one)
    await lists.take(one.replace("Byron", "Lovelace"), spec(source="other fair"))
    profile = await profiles.profile_of("email", "ada@example.org")
    assert (await profiles.read(profile))["traits"]["family_name"] == "Lovelace"
    await lists.take(one)
    assert (await profiles.read(profile))["traits"]["family_name"] == "Byron"
    told = [each["data"]["keys"] for each in await profiles.events() if each["type"] == "profile.updated"]
    assert told[-1] == ["family_name"]
    withdrawn = await lists.database.pool.execute("UPDATE fact SET withdrawn_at = now() WHERE value = '\"Byron\"'")
    assert withdrawn == "UPDATE 1"
    assert (await profiles.read(profile))["traits"]["family_name"] == "Lovelace"
    await lists.take(one)
    assert (await profiles.read(profile))["traits"]["family_name"] == "Byron"


async def test_i9_the_same_key_replays_the_answer(lists: Lists) -> None:
    key = {"Idempotency-Key": "list-1"}
    first = await lists.send(LIST, headers=key)
    second = await lists.send(LIST, headers=key)
    assert (first.status_code, second.status_code) == (202, 202)
    assert second.headers["idempotent-replayed"] == "true"
    assert first.json() == second.json()
    assert (await lists.send(LIST + "x@example.org,,,\r\n", headers=key)).status_code == 422
    assert (await lists.send(LIST, spec(source="another"), headers=key)).status_code == 422
    assert await lists.database.pool.fetchval("SELECT count(*) FROM list_import") == 1


async def test_i9_guards_apply_and_a_shared_value_owns_nothing(lists: Lists, profiles: Profiles) -> None:
    rows = HEADER + "noreply@shop.example,0912345678,Ada,L\r\nnoreply@shop.example,,Grace,H\r\n"
    rows += "noreply@shop.example,,,\r\n"
    done = await lists.take(rows)
    assert (done["accepted"], done["rejected"]) == (2, 1)
    (fault,) = await lists.faults(done["id"])
    assert (fault["row"], fault["column"]) == ("3", "E-mail")
    ada = await profiles.read(await profiles.profile_of("phone", "+886912345678"))
    assert ada["traits"]["given_name"] == "Ada"
    shared = await profiles.read(await profiles.profile_of("email", "noreply@shop.example"))
    assert shared["traits"] == {}
    held = [each["guards"] for each in await profiles.ledger(ada["profile_id"])]
    assert held == [["blocked_value"]]


async def test_i9_phone_numbers_belong_to_the_country_of_the_row_then_of_the_list(
    lists: Lists, profiles: Profiles
) -> None:
    mapping = {"Tel": {"identifier": "phone"}, "Land": {"trait": "country"}}
    await lists.take("Tel;Land\r\n0912345678;\r\n0912345678;VN\r\n", spec(mapping=mapping, country="TW"))
    assert await profiles.profile_of("phone", "+886912345678") != await profiles.profile_of("phone", "+84912345678")


async def test_i9_facts_of_defined_attributes_are_held_against_their_schema(lists: Lists, profiles: Profiles) -> None:
    for key, schema in (("shoe_size", {"type": "number", "maximum": 60}), ("club", {"type": "boolean"})):
        body = {"schema": schema, "searchable": key == "shoe_size"}
        assert (await profiles.client.put(f"/v1/attributes/{key}", json=body)).status_code in {200, 201}
    mapping = {"E-mail": {"identifier": "email"}, "Size": {"fact": "shoe_size"}, "Club": {"fact": "club"}}
    mapping["Code"] = {"fact": "code"}
    rows = "E-mail,Size,Club,Code\r\na@example.org,42.5,TRUE,007\r\nb@example.org,99,,\r\nc@example.org,large,,\r\n"
    done = await lists.take(rows, spec(mapping=mapping))
    assert [(each["row"], each["column"]) for each in await lists.faults(done["id"])] == [("2", "Size"), ("3", "Size")]
    person = await profiles.read(await profiles.profile_of("email", "a@example.org"))
    assert person["traits"] == {"shoe_size": 42.5, "club": True, "code": "007"}
    found = await profiles.client.get("/v1/profiles", params={"attribute": "shoe_size", "value": "42.5"})
    assert [each["profile_id"] for each in found.json()["items"]] == [person["profile_id"]]


async def test_i9_people_known_from_a_list_alone_have_neither_contacts_nor_consents(
    lists: Lists, profiles: Profiles
) -> None:
    await lists.take(LIST)
    types = {each["type"] for each in await profiles.events()}
    assert types == {"identity.assigned", "profile.created", "identity.linked"}
    missing = "SELECT count(*) FROM identity WHERE identity_id NOT IN (SELECT identity_id FROM list_membership)"
    assert await lists.database.pool.fetchval(missing) == 0


async def test_i9_an_import_that_waits_can_be_called_off(lists: Lists) -> None:
    started = await lists.start(LIST)
    cancelled = await lists.client.post(f"/v1/jobs/{started['job_id']}/cancel")
    assert cancelled.json()["state"] == "cancelled"
    assert not await lists.work()
    assert (await lists.read(started["id"]))["state"] == "cancelled"


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({}, True),
        ({"permitted_uses": ["research"]}, False),
        ({"permitted_uses": []}, False),
        ({"lawful_basis": None}, False),
        ({"lawful_basis": "none"}, False),
        ({"expires_at": "2020-01-01"}, False),
    ],
)
async def test_i9_a_list_allows_contact_on_its_basis_for_its_uses_until_it_expires(
    lists: Lists, profiles: Profiles, changes: dict[str, Any], *, allowed: bool
) -> None:
    await lists.take(LIST, spec(**changes))
    profile_id = await profiles.profile_of("email", "ada@example.org")
    body = {"profile_ids": [profile_id], "channel": "email", "purpose": "marketing"}
    (item,) = (await profiles.client.post("/v1/consents/check", json=body)).json()["items"]
    assert item["allowed"] is allowed, item
    said = {"status": "granted", "lawful_basis": "consent"}
    await profiles.client.put(f"/v1/profiles/{profile_id}/consents/email/marketing", json=said)
    (item,) = (await profiles.client.post("/v1/consents/check", json=body)).json()["items"]
    assert item["allowed"] is True
