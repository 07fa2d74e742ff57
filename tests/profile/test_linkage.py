"""I5: how good the duplicates found are, on made-up people."""

import math

import pytest
from profile_service.matching.linkage.clusters import clusters, consistent
from profile_service.matching.linkage.engines import Resources
from profile_service.matching.linkage.pair import Pair
from profile_service.matching.linkage.pairs import pairs_of
from profile_service.matching.linkage.records import Record
from profile_service.matching.linkage.requirements import lacking, rare_name
from profile_service.settings import ProfileSettings

from tests.profile.people import namesakes, pair_scores, people

LINK: float = ProfileSettings.model_fields["match_link_probability"].default


@pytest.mark.parametrize("locale", ["en", "zh_TW", "zh_CN", "vi_VN"])
def test_i5_misspelt_exchanged_and_moved_people_are_found_in_every_script(locale: str) -> None:
    made = people(locale, 400, seed=1)
    found = clusters(len(made.records), pairs_of(made.records), LINK)
    precision, recall = pair_scores(found, made.persons)
    assert precision >= 0.99
    assert recall >= 0.97


def test_i5_namesakes_of_one_street_born_on_other_days_wait_for_somebodys_word() -> None:
    made = namesakes(105)
    pairs = pairs_of(made.records)
    assert pair_scores(clusters(len(made.records), pairs, LINK), made.persons) == (1, 1)
    doubtful = [pair for pair in pairs if made.persons[pair.a] != made.persons[pair.b]]
    assert len(doubtful) == 35 * 4
    assert all(pair.lacks for pair in doubtful)


AT_HOME = {"given_name": "same", "family_name": "same", "street": "same", "place": "same", "email": None, "phone": None}


@pytest.mark.parametrize(
    ("levels", "name", "links"),
    [
        ({"birth_date": "other"}, 9.0, True),
        ({"birth_date": "other", "street": "street, other number"}, 9.0, False),
        ({"birth_date": "other", "street": "street, other number"}, 17.0, True),
        ({"birth_date": "other", "street": "street, other number", "email": "same"}, 9.0, True),
        ({"birth_date": "other", "street": "street, number unknown"}, 9.0, True),
        ({"birth_date": None, "street": "street, other number"}, 9.0, True),
        ({"birth_date": "other", "place": None}, 17.0, False),
        ({"birth_date": "other", "street": "other"}, 17.0, False),
        ({"birth_date": "same", "street": "other", "place": "other"}, 9.0, True),
        ({"birth_date": "one digit or two exchanged", "street": "other", "place": "city"}, 9.0, True),
        ({"birth_date": "one digit or two exchanged", "street": "other", "place": "other"}, 9.0, False),
        ({"birth_date": "two of year, month, day", "street": "other", "given_name": "close"}, 9.0, False),
    ],
)
def test_i5_where_no_households_are_seen_birth_date_and_address_must_not_both_contradict(
    levels: dict[str, str | None], name: float, *, links: bool
) -> None:
    lacks = lacking(
        {**AT_HOME, **levels},
        {"given_name": name / 2, "family_name": name / 2, "region": 1.0},
        households=False,
        rare=rare_name(16_384),
    )
    assert lacks == (() if links else ("birth_date_or_address",))


def test_i5_a_birth_date_that_contradicts_weighs_five_bits_however_many_namesakes_were_learnt_from() -> None:
    for pair in pairs_of(namesakes(105).records):
        for each in pair.weights:
            assert (each.field, each.level) != ("birth_date", "other") or each.weight <= -5


def home(given: str, born: str, street: str = "12 Elm Street") -> Record:
    """One of the Schmidts."""
    return Record(given, "Schmidt", birth_date=born, street=street, city="Springfield", postcode="12345")


FEW = {
    "anna": home("Anna", "1980-03-04"),
    "anna misspelt": home("Ana", "1980-03-04", "12 Elm St"),
    "husband": home("Peter", "1978-11-20"),
    "twin": home("Lena", "2010-05-06"),
    "other twin": home("Lukas", "2010-05-06"),
    "bill": Record("Bill", "Brown", birth_date="1955-01-02", email="wbrown@example.org"),
    "william": Record("William", "Brown", birth_date="1955-01-02", email="wbrown@example.net"),
    "john": Record("John", "Smith", birth_date="1970-01-01"),
    "another john": Record("John", "Smith", birth_date="1991-05-05"),
    "john, no more known": Record("John", "Smith"),
    "chen": Record("志明", "陳", birth_date="1990-10-10", street="中山路12號", city="台北市"),
    "chen simplified": Record("志明", "陈", birth_date="1990-10-10", street="中山路12号", city="台北市"),
}


def few(*, at_least: float) -> dict[frozenset[str], Pair]:
    """Pairs among few records."""
    names = list(FEW)
    return {frozenset((names[each.a], names[each.b])): each for each in pairs_of(FEW.values(), at_least=at_least)}


def test_i5_few_records_are_enough_and_families_stay_families() -> None:
    found = few(at_least=0.01)
    linked = {names for names, pair in found.items() if pair.probability >= LINK and not pair.lacks}
    assert linked == {
        frozenset(("anna", "anna misspelt")),
        frozenset(("chen", "chen simplified")),
    }
    # Twins may be one child in two spellings: somebody has to look.
    assert 0.3 < found[frozenset(("twin", "other twin"))].probability < LINK
    # A name alone is not enough, and nothing else is known here.
    assert "more_than_a_name" in found[frozenset(("john", "john, no more known"))].lacks
    # Nor is a nickname and a birth date, with mailboxes that are made of the name.
    assert found[frozenset(("bill", "william"))].lacks == ("address_or_contact",)


def test_i5_a_record_that_goes_with_two_people_joins_them_into_none() -> None:
    pairs = [Pair(0, 1, 0.99, ()), Pair(1, 2, 0.98, ()), Pair(3, 2, 0.97, ())]
    first, second, third = consistent(pairs, {0: "19800304", 2: "19510903", 3: "19510930"})
    assert (first.lacks, second.lacks, third.lacks) == ((), ("one_person_among_all",), ())
    assert clusters(4, (first, second, third), 0.95) == [0, 0, 2, 2]


def test_i5_the_weight_of_each_field_adds_up_to_the_probability() -> None:
    beforehand = set()
    for pair in pairs_of(people("en", 300, seed=2).records):
        if 0.01 < pair.probability < 0.9999:
            odds = math.log2(pair.probability / (1 - pair.probability))
            beforehand.add(round(odds - sum(each.weight for each in pair.weights)))
    assert len(beforehand) == 1
    (pair,) = (pair for names, pair in few(at_least=0.5).items() if names == {"chen", "chen simplified"})
    levels = {each.field: (each.level, each.weight > 0) for each in pair.weights}
    assert levels["family_name"] == ("same", True)
    assert levels["street"] == ("same", True)
    assert levels["household"][1] is False


def test_i5_nothing_is_found_where_nothing_is() -> None:
    assert pairs_of([]) == []
    assert pairs_of([Record("Ann", "Lee")]) == []
    assert pairs_of([Record("Ann", "Lee"), Record(), Record("Zoltan", "Nagy")]) == []


def test_i5_records_compared_before_are_not_compared_again() -> None:
    ann = Record("Ann", "Lee", birth_date="1980-01-01", changed=False)
    anne = Record("Anne", "Lee", birth_date="1980-01-01", changed=False)
    assert pairs_of([ann, anne]) == []
    new = Record("Ann", "Lee", birth_date="1980-01-01")
    assert {(pair.a, pair.b) for pair in pairs_of([ann, anne, new])} == {(0, 2), (1, 2)}


def test_i5_spark_finds_the_same_pairs() -> None:
    pytest.importorskip("pyspark")
    records = people("en", 60, seed=3).records
    here = pairs_of(records)
    there = pairs_of(records, resources=Resources(engine="spark", spark_master="local[2]"))
    assert [(each.a, each.b) for each in here] == [(each.a, each.b) for each in there]
    assert [each.probability for each in there] == pytest.approx([each.probability for each in here], abs=1e-6)
