"""Values cleaned, validated, normalised: what each trait of a person may hold, and what is refused with the reason."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from profile_service.consumers.metrics import REJECTED
from profile_service.facts.traits import InvalidTrait, normalise_trait, normalise_traits

from tests.profile.conftest import Profiles, pairs
from tests.profile.lists import SPEC, Lists
from tests.profile.touchpoints import hear, identify

KEYS = (
    *("birth_date", "gender", "language", "time_zone", "country"),
    *("address.street", "address.city", "address.region", "address.postcode", "address.country"),
)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("2024-02-29", "2024-02-29"),
        ("1990/02/03", "1990-02-03"),
        ("1990.2.3", "1990-02-03"),
        ("19900203", "1990-02-03"),
        ("1990年2月3日", "1990-02-03"),
        ("\uff11\uff19\uff19\uff10\uff0f2\uff0f3", "1990-02-03"),
        ("民國79年2月3日", "1990-02-03"),
        ("中華民國105年2月29日", "2016-02-29"),
        ("民國元年1月1日", "1912-01-01"),
        ("1990-02-03T00:00:00.000Z", "1990-02-03"),
        ("1990-02-03 00:00:00", "1990-02-03"),
    ],
)
def test_i5_days_are_read_with_the_year_first(written: str, kept: str) -> None:
    assert normalise_trait("birth_date", written) == kept


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("1900-02-29", "has 28 days"),
        ("2023-02-29", "has 28 days"),
        ("民國104年2月29日", "has 28 days"),
        ("1990-13-01", "no month 13"),
        ("90-02-03", "four digits"),
        ("79/2/3", "four digits"),
        ("105/02/03", "民國"),
        ("03/02/1990", "year first"),
        ("1990/02-03", "YYYY-MM-DD"),
        ("1990-02-02T16:00:00Z", "time of day"),
        ("1990-W05-6", "YYYY-MM-DD"),
        ("1849-12-31", "1850"),
        ((datetime.now(UTC).date() + timedelta(days=2)).isoformat(), "today"),
    ],
)
def test_i5_days_that_do_not_exist_or_may_be_two_are_refused(written: str, reason: str) -> None:
    with pytest.raises(InvalidTrait, match=reason):
        normalise_trait("birth_date", written)


@settings(deadline=None)
@given(st.dates(date(1850, 1, 1), date(2020, 12, 31)), st.sampled_from(["{:%Y-%m-%d}", "{0.year}/{0.month}/{0.day}"]))
def test_i5_every_day_is_read_as_itself(day: date, form: str) -> None:
    assert normalise_trait("birth_date", form.format(day).zfill(8)) == day.isoformat()


@pytest.mark.parametrize(
    ("key", "written", "kept"),
    [
        *[("country", name, "TW") for name in ("tw", "TWN", "158", "Taiwan", "臺灣", "台湾", "Đài Loan", "R.O.C.")],
        *[("country", name, "VN") for name in ("Vietnam", "Viet Nam", "Việt Nam", "VIỆT NAM", "越南")],
        *[("country", name, "US") for name in ("U.S.A.", "United States", "美國", "Hoa Kỳ", "the United States")],
        *[("country", name, "KR") for name in ("South Korea", "南韓", "한국", "Hàn Quốc")],
        ("country", "UK", "GB"),
        ("country", "中国", "CN"),
        ("country", "Deutschland", "DE"),
        *[("language", name, "zh-TW") for name in ("zh-TW", "zh_tw", "ZH-tw", "zho-TW", "zh_TW.UTF-8")],
        *[("language", name, "vi") for name in ("vie", "Vietnamese", "Tiếng Việt", "越南語", "越南语")],
        *[("language", name, "zh-Hant") for name in ("zh-hant", "Traditional Chinese", "繁體中文", "繁体中文")],
        ("language", "iw", "he"),
        ("language", "en-UK", "en-GB"),
        ("language", "Deutsch", "de"),
        ("time_zone", "asia/taipei", "Asia/Taipei"),
        ("time_zone", "America/New York", "America/New_York"),
        ("time_zone", "Taipei Standard Time", "Asia/Taipei"),
        ("time_zone", "UTC", "UTC"),
        *[("gender", name, "female") for name in ("F", "Female", "女", "nữ", "Nữ")],
        ("gender", "NAM", "male"),
        ("gender", "Non Binary", "non-binary"),
        ("gender", "Two-Spirit", "Two-Spirit"),
        ("address.street", " 12  Ockham\u00a0Road \r\n Flat 3\n", "12 Ockham Road, Flat 3"),
        ("address.city", "臺北市", "臺北市"),
    ],
)
def test_i1_names_of_countries_languages_zones_become_codes(key: str, written: str, kept: str) -> None:
    assert normalise_trait(key, written) == kept


@pytest.mark.parametrize(
    ("key", "written", "reason"),
    [
        ("country", "Korea", "KR or KP"),
        ("country", "剛果", "CG or CD"),
        ("country", "Atlantis", "ISO 3166-1"),
        ("country", "XX", "ISO 3166-1"),
        ("language", "vn", "VN is a country"),
        ("language", "zh-XX", "XX is not a country"),
        ("language", "Klingonish", "BCP 47"),
        ("time_zone", "+08:00", "IANA"),
        ("time_zone", "localtime", "IANA"),
        ("gender", "1", "word"),
        ("address.city", "-", "leave it out"),
        ("address", "12 Ockham Road, GU23 6NG", "object"),
    ],
)
def test_i5_what_names_nothing_or_several_is_refused(key: str, written: str, reason: str) -> None:
    with pytest.raises(InvalidTrait, match=reason):
        normalise_trait(key, written)


@pytest.mark.parametrize(
    ("country", "written", "kept"),
    [
        ("TW", "106", "106"),
        ("TW", "\uff11\uff1060\uff13", "10603"),
        ("TW", "106-03", "10603"),
        ("VN", "100000", "100000"),
        ("GB", "sw1a1aa", "SW1A 1AA"),
        ("GB", "M1  1ae", "M1 1AE"),
        ("CA", "h3z2y7", "H3Z 2Y7"),
        ("NL", "1234ab", "1234 AB"),
        ("JP", "1540023", "154-0023"),
        ("US", "221621010", "22162-1010"),
        ("SE", "SE-114 55", "11455"),
        ("HK", "999077", "999077"),
    ],
)
def test_i5_postcodes_are_written_as_their_country_does(country: str, written: str, kept: str) -> None:
    assert normalise_trait("address.postcode", written, place=country) == kept


@pytest.mark.parametrize(("country", "written"), [("DE", "1067"), ("TW", "SW1A 1AA"), ("US", "9501"), ("CN", "10603")])
def test_i5_a_postcode_that_its_country_cannot_have_is_refused(country: str, written: str) -> None:
    with pytest.raises(InvalidTrait, match=f"no postcode of {country}; there they look like"):
        normalise_trait("address.postcode", written, place=country)
    # Without a country it is nobody's to judge.
    assert normalise_trait("address.postcode", written, "TW") == written


# The first name of all reads the tables of names.
@settings(deadline=None)
@given(
    st.sampled_from(KEYS),
    st.text(max_size=24) | st.from_regex(r"[A-Za-z\d]{1,4}[-_ /.]?[A-Za-z\d]{1,4}([-_ /.]\d{1,4})?", fullmatch=True),
    st.sampled_from([None, "TW", "GB", "US", "JP", "SE", "HK"]),
)
def test_i5_normalising_twice_changes_nothing(key: str, value: str, place: str | None) -> None:
    try:
        once = normalise_trait(key, value, "TW", place=place)
    except InvalidTrait:
        return
    assert normalise_trait(key, once, "TW", place=place) == once


def test_i5_the_valid_rest_is_kept_and_phones_belong_to_the_country_named() -> None:
    told = {"country": "Việt Nam", "phone": "0912 345 678", "birth_date": "1900-02-29", "language": "Tiếng Việt"}
    valid, invalid = normalise_traits(told, "TW")
    assert valid == {"country": "VN", "phone": "+84912345678", "language": "vi"}
    assert [each.key for each in invalid] == ["birth_date"]


async def test_i5_a_postcode_or_phone_sent_alone_belongs_to_the_country_stored(profiles: Profiles) -> None:
    stored = {"country": "Vietnam", "address": {"city": "Dresden", "country": "Germany"}}
    profile_id = (await profiles.create(identifiers=pairs(("user_id", "ada")), traits=stored))["profile_id"]

    async def patch(traits: dict[str, Any]) -> httpx.Response:
        return await profiles.client.patch(f"/v1/profiles/{profile_id}", json={"traits": traits})

    refused = await patch({"address": {"postcode": "1067"}})
    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"][0]["pointer"] == "/traits/address/postcode"
    taken = await patch({"address": {"postcode": "DE-01067"}, "phone": "0912 345 678"})
    assert taken.status_code == 200, taken.text
    assert taken.json()["traits"]["address"] == {"city": "Dresden", "country": "DE", "postcode": "01067"}
    assert taken.json()["traits"]["phone"] == "+84912345678"
    # With another country, or with none any more, those of the stored one are not asked for.
    assert (await patch({"address": {"postcode": "154-0023", "country": "JP"}})).status_code == 200
    assert (await patch({"address": {"postcode": "1067", "country": None}})).status_code == 200


async def test_i5_invalid_values_are_refused_with_a_pointer_and_nothing_is_kept(profiles: Profiles) -> None:
    traits: dict[str, Any] = {
        "birth_date": "1900-02-29",
        "country": "Korea",
        "address": {"city": "Dresden", "postcode": "1067", "country": "Germany"},
    }
    body = {"identifiers": pairs(("user_id", "ada")), "traits": traits}
    refused = await profiles.client.post("/v1/profiles", json=body)
    assert refused.status_code == 422
    found = {each["pointer"]: each["detail"] for each in refused.json()["errors"]}
    assert set(found) == {"/traits/birth_date", "/traits/country", "/traits/address/postcode"}
    assert "28 days" in found["/traits/birth_date"]
    assert await profiles.map() == {}
    traits = {"birth_date": "2000/2/29", "country": "南韓", "address": traits["address"] | {"postcode": "01067"}}
    made = await profiles.create(identifiers=pairs(("user_id", "ada")), traits=traits)
    assert made["traits"] == {
        "birth_date": "2000-02-29",
        "country": "KR",
        "address": {"city": "Dresden", "postcode": "01067", "country": "DE"},
    }
    fact = {"key": "birth_date", "value": "03/02/1990", "origin": "stated", "source": "call"}
    wrong = await profiles.client.post(f"/v1/profiles/{made['profile_id']}/facts", json=fact)
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/value")


async def test_i5_on_the_feed_invalid_values_are_counted_and_the_rest_is_kept(profiles: Profiles) -> None:
    before = REJECTED.labels("trait")._value.get()
    traits = {"birthday": "79/2/3", "timezone": "asia/taipei", "gender": "女", "address": {"country": "Taiwan"}}
    await hear(profiles, [identify(("user_id", "ada"), traits, datetime(2026, 1, 1, tzinfo=UTC))])
    ada = await profiles.read(await profiles.profile_of("user_id", "ada"))
    assert ada["traits"] == {"time_zone": "Asia/Taipei", "gender": "female", "address": {"country": "TW"}}
    assert REJECTED.labels("trait")._value.get() == before + 1


async def test_i9_rows_with_invalid_values_are_rejected_with_column_and_reason(
    profiles: Profiles, lists: Lists
) -> None:
    columns = {"Born": "birth_date", "Zip": "address.postcode", "Land": "address.country"}
    mapping = {"E-mail": {"identifier": "email"}} | {name: {"trait": key} for name, key in columns.items()}
    rows = [
        "E-mail,Born,Zip,Land",
        "a@example.org,2000/2/29,154 0023,日本",
        "b@example.org,1900-02-29,106,Taiwan",
        "c@example.org,1990-01-01,106,Germany",
        "d@example.org,1990-01-01,106,Korea",
    ]
    made = await lists.start("\n".join(rows), {**SPEC, "mapping": mapping})
    await lists.work()
    report = await profiles.client.get(f"/v1/imports/{made['id']}/errors.csv")
    assert [line.split(",")[1] for line in report.text.splitlines()[1:]] == ["Born", "Zip", "Land"]
    first = await profiles.read(await profiles.profile_of("email", "a@example.org"))
    assert first["traits"]["address"] == {"postcode": "154-0023", "country": "JP"}
    assert first["traits"]["birth_date"] == "2000-02-29"


@pytest.mark.parametrize(
    ("traits", "parts"),
    [
        ({"display_name": "王小明", "language": "zh-TW"}, ("小明", "王")),
        ({"display_name": "歐陽娜娜", "country": "TW"}, ("娜娜", "歐陽")),
        ({"display_name": "Nguyễn Văn An"}, ("Văn An", "Nguyễn")),
        ({"display_name": "Ada Lovelace", "language": "en"}, ("Ada", "Lovelace")),
    ],
)
async def test_i1_a_whole_name_is_divided_where_it_is_safe(
    profiles: Profiles, traits: dict[str, str], parts: tuple[str, str]
) -> None:
    shown = await profiles.create(traits=traits)
    assert (shown["traits"]["given_name"], shown["traits"]["family_name"]) == parts
    assert shown["inferred"] == ["family_name", "given_name"]
    told = await profiles.client.get(f"/v1/profiles/{shown['profile_id']}/facts")
    assert {each["key"] for each in told.json()["items"]} == set(traits)


async def test_i1_a_name_that_may_divide_in_two_ways_stays_whole(profiles: Profiles) -> None:
    for traits in ({"display_name": "Ada Lovelace"}, {"display_name": "王小明"}, {"display_name": "Cher"}):
        shown = await profiles.create(traits=traits)
        assert (shown["traits"], shown["inferred"]) == (traits, [])
    firm = await profiles.create(kind="organisation", traits={"display_name": "Ada Lovelace", "language": "en"})
    assert firm["inferred"] == []


async def test_i1_stated_names_win_over_divided_ones_through_merge_correction_and_unmerge(profiles: Profiles) -> None:
    whole = {"display_name": "Ada Lovelace", "language": "en"}
    ada = (await profiles.create(identifiers=pairs(("user_id", "ada")), traits=whole))["profile_id"]
    await profiles.create(identifiers=pairs(("email", "a@example.org")), traits={"given_name": "Augusta"})
    link = await profiles.link(("user_id", "ada"), ("email", "a@example.org"))
    merged = await profiles.read(ada)
    assert (merged["traits"], merged["inferred"]) == ({**whole, "given_name": "Augusta"}, [])
    assert (await profiles.client.delete(f"/v1/links/{link['link_id']}")).status_code == 200
    assert (await profiles.read(ada))["inferred"] == ["family_name", "given_name"]
    # Whoever says that there is no given name means it.
    patched = await profiles.client.patch(f"/v1/profiles/{ada}", json={"traits": {"given_name": None}})
    assert (patched.json()["traits"], patched.json()["inferred"]) == (whole, [])
