"""Finding customers by what a caller says of themselves (rows I1, I4, I5)."""

from typing import Any

import httpx
import pytest
from profile_service.search import rules
from profile_service.search.service import take_in

from tests.conftest import TokenFactory
from tests.profile.conftest import Profiles, pairs

PEOPLE: list[dict[str, Any]] = [
    {"given_name": "John", "family_name": "Smith", "email": "john.smith@example.org", "phone": "+442079460123"},
    {"given_name": "Joan", "family_name": "Smythe", "email": "joan@example.net"},
    {"given_name": "Stephen", "family_name": "O'Brien"},
    {"given_name": "Văn An", "family_name": "Nguyễn", "language": "vi", "phone": "+84912345678"},
    {"given_name": "小明", "family_name": "王", "language": "zh-TW", "phone": "+886912345987"},
    {"display_name": "張偉", "language": "zh-TW"},
    {"display_name": "Studio Łódź"},
    {"given_name": "Jean-Luc", "family_name": "Müller"},
]


@pytest.fixture
async def people(profiles: Profiles) -> Profiles:
    """A service that knows eight customers."""
    for traits in PEOPLE:
        await profiles.create(traits=traits)
    return profiles


async def found(profiles: Profiles, q: str) -> list[str]:
    """Names of those found, in order."""
    response = await profiles.client.get("/v1/profiles", params={"q": q})
    assert response.status_code == 200, response.text
    return [str(each["display_name"]) for each in response.json()["items"]]


ASKED = [
    ("john smith", "John Smith"),
    ("Smith, John", "John Smith"),
    ("Jonh Smiht", "John Smith"),
    ("Jhon Smit", "John Smith"),
    ("joh smi", "John Smith"),
    ("steven obrien", "Stephen O'Brien"),
    ("O\u2019Brian", "Stephen O'Brien"),
    ("nguyen van an", "Nguyễn Văn An"),
    ("AN NGUYỄN", "Nguyễn Văn An"),
    ("Nguyen", "Nguyễn Văn An"),
    ("nguyn an", "Nguyễn Văn An"),
    ("王小明", "王小明"),
    ("小明", "王小明"),
    ("王曉明", "王小明"),
    ("王小民", "王小明"),
    ("wang xiaoming", "王小明"),
    ("wangxiaoming", "王小明"),
    ("张伟", "張偉"),
    ("lodz studio", "Studio Łódź"),
    ("muller", "Jean-Luc Müller"),
    ("jeanluc mueller", "Jean-Luc Müller"),
    ("john.smith@example.org", "John Smith"),
    ("John.Smith", "John Smith"),
    ("john.s", "John Smith"),
    ("john.smith@exam", "John Smith"),
    ("020 7946 0123", "John Smith"),
    ("+44 (0)20 7946 0123", "John Smith"),
    ("460123", "John Smith"),
    ("0912 345 678", "Nguyễn Văn An"),
    ("0912345987", "王小明"),
    ("5-987", "王小明"),
    ("\uff15\uff19\uff18\uff17", "王小明"),
]


async def test_i4_the_customer_is_found_first(people: Profiles) -> None:
    first = {q: (await found(people, q))[:1] for q, _ in ASKED}
    assert first == {q: [name] for q, name in ASKED}


async def test_i4_others_are_not_found(people: Profiles) -> None:
    for q in ("Zebulon", "mary smith", "0000", "999999", "nobody@example.org", "林志玲", "%", "!!!", "_"):
        assert await found(people, q) == [], q
    assert len(await found(people, " ")) == len(PEOPLE)


async def test_i4_likeness_decides_the_order_and_pages_follow_it(profiles: Profiles) -> None:
    names = [("Anna", "Meier"), ("Anna", "Meyer"), ("Anne", "Meier"), ("Hannah", "Meier"), ("Anna", "Meierhofer")]
    for given, family in names * 2:
        await profiles.create(traits={"given_name": given, "family_name": family})
    everybody = await found(profiles, "anna meier")
    assert everybody[:2] == ["Anna Meier"] * 2
    assert set(everybody) == {f"{given} {family}" for given, family in names}
    seen: list[str] = []
    ids: list[str] = []
    cursor = None
    while True:
        parameters = {"q": "anna meier", "limit": "3", **({"cursor": cursor} if cursor else {})}
        page = (await profiles.client.get("/v1/profiles", params=parameters)).json()
        seen += [each["display_name"] for each in page["items"]]
        ids += [each["profile_id"] for each in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == everybody
    assert len(set(ids)) == len(ids) == 10


async def test_i1_present_names_come_before_past_ones(profiles: Profiles) -> None:
    changed = await profiles.create(traits={"given_name": "Mary", "family_name": "Jones"})
    await profiles.client.patch(f"/v1/profiles/{changed['profile_id']}", json={"traits": {"family_name": "Baker"}})
    await profiles.create(traits={"given_name": "Mary", "family_name": "Joness"})
    assert await found(profiles, "mary jones") == ["Mary Joness", "Mary Baker"]
    assert await found(profiles, "mary baker") == ["Mary Baker"]


async def test_i5_a_merged_customer_is_found_once_and_two_after_the_merge_is_undone(profiles: Profiles) -> None:
    await profiles.create(identifiers=pairs(("user_id", "a")), traits={"given_name": "Ada"})
    await profiles.create(identifiers=pairs(("user_id", "b")), traits={"family_name": "Lovelace"})
    assert await found(profiles, "ada lovelace") == []
    link = await profiles.link(("user_id", "a"), ("user_id", "b"))
    assert await found(profiles, "ada lovelace") == ["Ada Lovelace"]
    await profiles.client.delete(f"/v1/links/{link['link_id']}")
    assert await found(profiles, "ada lovelace") == []
    assert await found(profiles, "lovelace") == ["Lovelace"]


async def test_i11_what_is_erased_leaves_no_word_behind(people: Profiles) -> None:
    await found(people, "ada")
    pool = people.database.pool
    assert await pool.fetchval("SELECT count(*) FROM search_word WHERE word IN ('stephen', 'obrien')") == 2
    await pool.execute("DELETE FROM fact WHERE value #>> '{}' IN ('Stephen', 'O''Brien')")
    async with pool.acquire() as connection:
        await take_in(connection, 10)
    assert await pool.fetchval("SELECT count(*) FROM search_word WHERE word IN ('stephen', 'obrien')") == 0
    assert await pool.fetchval("SELECT count(*) FROM search_name WHERE words && '{stephen,obrien}'") == 0


async def test_i4_without_the_scope_the_answer_is_masked(people: Profiles, token: TokenFactory) -> None:
    headers = {"Authorization": f"Bearer {token('profiles:read')}"}
    async with httpx.AsyncClient(base_url=people.client.base_url, headers=headers) as reader:
        (item, *_) = (await reader.get("/v1/profiles", params={"q": "john smith"})).json()["items"]
    assert item["display_name"] == "J*** S***"
    assert "Smith" not in str(item)
    assert "example.org" not in str(item)


async def test_i4_a_cursor_of_another_list_is_refused(people: Profiles) -> None:
    everybody = (await people.client.get("/v1/profiles", params={"limit": 1})).json()
    response = await people.client.get("/v1/profiles", params={"q": "john", "cursor": everybody["next_cursor"]})
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/cursor")


def test_i4_a_query_is_read_as_what_it_may_be() -> None:
    assert rules.read("+886 2 2345-6789").digits == "886223456789"
    assert rules.read("02 2345 6789").digits == "223456789"
    assert rules.read("Rue 1234").digits is None
    assert rules.read("Ada@Example").email == "ada@example"
    assert rules.read("ada lovelace").email is None


def test_i5_likeness_tells_slips_from_other_names() -> None:
    slips = (("jonh", "john"), ("steven", "stephen"), ("nguyn", "nguyen"), ("smi", "smith"), ("小民", "小敏"))
    for asked, word in slips:
        assert rules.likeness(asked, word) > 0.6, (asked, word)
    for asked, word in (("john", "mary"), ("li", "le"), ("王", "李"), ("ann", "bob")):
        assert rules.likeness(asked, word) == 0, (asked, word)


async def test_i4_with_no_worker_a_search_works_off_a_long_queue_itself(people: Profiles) -> None:
    pool = people.database.pool
    await pool.execute(
        "INSERT INTO search_pending (identity_id) SELECT identity_id FROM identity, generate_series(1, 300)"
    )
    made = (await people.create(traits={"given_name": "Zenobia"}))["profile_id"]
    # As long as a worker is at it the search does not wait for the end.
    async with people.database.transaction() as worker:
        await worker.execute("SELECT pg_advisory_xact_lock(5403, 0)")
        assert await found(people, "Zenobia") == []
    assert await found(people, "Zenobia") == ["Zenobia"]
    assert await pool.fetchval("SELECT count(*) FROM search_pending") == 0
    assert (await people.read(made))["display_name"] == "Zenobia"
