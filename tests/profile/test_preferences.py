"""I10: the customer says what they allow on a page of their own."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest
from profile_service.customer_links import CustomerLinks
from profile_service.preferences.texts import CHINESE, ENGLISH, LANGUAGES, VIETNAMESE, Texts, accepted, choose, spoken

from tests.profile.conftest import Profiles
from tests.profile.test_consents import put, reasons


async def link(profiles: Profiles, profile_id: str) -> str:
    """Path of a customer's page."""
    response = await profiles.client.post(f"/v1/profiles/{profile_id}/preference-links")
    assert response.status_code == 201, response.text
    assert response.json()["url"].endswith(response.json()["token"])
    return str(urlsplit(response.json()["url"]).path)


def ticked(page: str) -> set[str]:
    """What is ticked on a page."""
    return {value for value, mark in re.findall(r'name="allow" value="([^"]+)"( checked)?', page) if mark}


async def test_i10_the_page_shows_saves_and_stops_without_any_script(profiles: Profiles) -> None:
    ada = (await profiles.resolve(("email", "ada@example.org")))["profile_id"]
    await put(profiles, ada, "granted")
    path = await link(profiles, ada)
    async with httpx.AsyncClient(base_url=profiles.client.base_url) as customer:
        page = await customer.get(path)
        assert page.status_code == 200
        assert "<script" not in page.text
        assert "http" not in re.sub(r"<style>.*</style>", "", page.text, flags=re.DOTALL), "nothing from elsewhere"
        assert ticked(page.text) == {"email/marketing"}
        assert await reasons(profiles, ada) == ["granted"], "looking changes nothing"

        saved = await customer.post(path, data={"allow": ["sms/marketing", "phone/service"], "action": "save"})
        assert ticked(saved.text) == {"sms/marketing", "phone/service"}
        assert ENGLISH.saved in saved.text
        assert await reasons(profiles, ada) == ["withdrawn"]
        assert await reasons(profiles, ada, channel="sms") == ["granted"]
        items = (await profiles.client.get(f"/v1/profiles/{ada}/consents")).json()["items"]
        assert {(each["channel"], each["purpose"]) for each in items} == {
            ("email", "marketing"),
            ("sms", "marketing"),
            ("phone", "service"),
        }, "what was not touched stays unsaid"
        assert {each["source"] for each in items} == {"preference page"}
        assert all("signed link" in each["proof"] for each in items)

        stopped = await customer.post(path, data={"allow": ["sms/marketing"], "action": "nothing"})
        assert ticked(stopped.text) == set()
        assert await reasons(profiles, ada, channel="sms") == ["withdrawn"]
        assert await reasons(profiles, ada, channel="letter") == ["denied"]


async def test_i10_the_page_speaks_the_customers_language(profiles: Profiles) -> None:
    made = await profiles.create(identifiers=[{"kind": "user_id", "value": "linh"}], traits={"language": "vi-VN"})
    path = await link(profiles, made["profile_id"])
    async with httpx.AsyncClient(base_url=profiles.client.base_url) as customer:

        async def title(lang: str | None = None, header: str = "fr") -> str:
            params = {"lang": lang} if lang else {}
            page = await customer.get(path, params=params, headers={"Accept-Language": header})
            found = re.search(r'<html lang="([^"]+)">.*<h1>([^<]+)</h1>', page.text, re.DOTALL)
            assert found is not None
            return f"{found[1]} {found[2]}"

        assert await title() == f"vi {VIETNAMESE.title}", "the browser speaks none of ours, the file says Vietnamese"
        assert await title(header="fr, zh-TW;q=0.8, en;q=0.5") == f"zh-Hant {CHINESE.title}"
        assert await title(header="zh-TW", lang="en") == f"en {ENGLISH.title}"
        saved = await customer.post(path, data={"lang": "zh-Hant", "allow": "email/marketing"})
        assert CHINESE.saved in saved.text


def test_every_language_says_everything() -> None:
    for texts in LANGUAGES:
        for name in Texts.__slots__:
            assert getattr(texts, name), (texts.tag, name)
        assert texts.channels.keys() == ENGLISH.channels.keys()
        assert texts.purposes.keys() == ENGLISH.purposes.keys()
    assert spoken("zh_TW") is CHINESE
    assert accepted("de, en;q=0, vi;q=nonsense") is None
    assert choose(None, None, None) is ENGLISH


async def test_i10_a_link_opens_one_page_for_a_time_and_no_other(profiles: Profiles) -> None:
    ada = (await profiles.resolve(("email", "ada@example.org")))["profile_id"]
    path = await link(profiles, ada)
    strange = CustomerLinks(b"another secret", "http://x").preferences(UUID(ada), datetime.now(UTC) + timedelta(days=1))
    async with httpx.AsyncClient(base_url=profiles.client.base_url) as customer:
        for lost in (path[:-1], path[:-2] + "AA", urlsplit(strange).path, path.replace("/p/", "/c/"), "/p/x"):
            response = await customer.get(lost)
            assert response.status_code == 404, lost
            assert response.json()["type"] == "urn:rapport:problem:link-unknown"
            assert (await customer.post(lost, data={"allow": "email/marketing"})).status_code == 404
        for_people = await customer.get("/p/x", headers={"Accept": "text/html", "Accept-Language": "vi"})
        assert (for_people.status_code, VIETNAMESE.lost_title in for_people.text) == (404, True)
    assert await reasons(profiles, ada) == ["no_consent"]
    unknown = await profiles.client.post(f"/v1/profiles/{UUID(int=1)}/preference-links")
    assert unknown.status_code == 404


def test_a_link_is_nothing_when_its_time_is_over() -> None:
    links = CustomerLinks(b"secret", "http://x")
    over = links.preferences(UUID(int=1), datetime.now(UTC) - timedelta(seconds=1))
    assert links.profile_of(over.rpartition("/")[2]) is None
    valid = links.preferences(UUID(int=1), datetime.now(UTC) + timedelta(minutes=1))
    assert links.profile_of(valid.rpartition("/")[2]) == UUID(int=1)


async def test_i10_a_link_stays_with_the_customer_through_a_merge(profiles: Profiles) -> None:
    ada = (await profiles.resolve(("email", "ada@example.org")))["profile_id"]
    bob = (await profiles.resolve(("user_id", "bob")))["profile_id"]
    path = await link(profiles, bob)
    await profiles.link(("email", "ada@example.org"), ("user_id", "bob"))
    async with httpx.AsyncClient(base_url=profiles.client.base_url) as customer:
        await customer.post(path, data={"allow": "email/marketing"})
    assert await reasons(profiles, ada) == ["granted"]


@pytest.mark.parametrize("content", [b"\xff\xfe%%%", b"allow=" + b"x" * 5_000])
async def test_a_form_that_makes_no_sense_changes_nothing(profiles: Profiles, content: bytes) -> None:
    ada = (await profiles.resolve(("email", "ada@example.org")))["profile_id"]
    path = await link(profiles, ada)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    response = await profiles.client.post(path, content=content, headers=kind)
    assert response.status_code == 200
    assert await reasons(profiles, ada) == ["no_consent"]
