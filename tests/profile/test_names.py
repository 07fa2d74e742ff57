"""Names of people: cleaned, ordered, divided, folded (rows I1, I4, I5)."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from profile_service.names.folding import fold, romanised, words
from profile_service.names.rules import cleaned, comparable, display_name, divide

names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40)
_odd = "aZéộƯđŁßøÆǅ張张歐葉薴ガ한ΐέאกำ'-·" + "\uff21\u0131\ufb01\uff76\uff9e\u0439\u0306\u064e\u2019\u2167\u2460\ufdfa"
letters = st.text(st.sampled_from(_odd) | st.characters(exclude_categories=["Cs"]), max_size=12)
# The first fold of all reads the table of characters.
unhurried = settings(deadline=None)


@unhurried
@given(letters)
def test_i5_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert words(" ".join(words(text))) == words(text)


@unhurried
@given(letters)
def test_i5_spelling_in_unicode_makes_no_difference(text: str) -> None:
    forms = {tuple(words(unicodedata.normalize(form, text))) for form in ("NFC", "NFD")}
    assert len(forms) == 1


@unhurried
@given(letters)
def test_i5_cleaning_a_clean_name_changes_nothing(text: str) -> None:
    try:
        name = cleaned(text)
    except ValueError:
        return
    assert cleaned(name) == name
    assert fold(name) or not any(letter.isalnum() for letter in name)


@unhurried
@given(names, names)
def test_i5_a_name_filed_the_wrong_way_round_has_the_same_sorted_tokens(one: str, other: str) -> None:
    right, wrong = comparable(one, other), comparable(other, one)
    if right.given and right.family and wrong.given and wrong.family:
        assert right.sorted_tokens == wrong.sorted_tokens
    assert len(right.all_tokens) == len(right.romanised) == len(right.phonetic)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("張偉", "张伟"),
        ("歐陽菲菲", "欧阳菲菲"),
        ("溫麗葉", "温丽叶"),
        ("Nguyễn Đức Thọ", "NGUYEN DUC THO"),
        ("Hoà", "Hòa"),
        ("Łukasz Sørensen", "lukasz sorensen"),
        ("\uff2a\uff4f\uff53é", "jose"),
        ("O\u2019Brien", "O'BRIEN"),
        ("Straße", "strasse"),
    ],
)
def test_i5_spellings_of_one_name_are_equal(one: str, other: str) -> None:
    assert words(one) == words(other)


def test_i5_scripts_meet_in_their_romanised_form() -> None:
    assert comparable("小明", "王").romanised == ("wang", "xiaoming")
    assert comparable("Xiaoming", "Wang").romanised == ("wang", "xiaoming")
    assert comparable("國藩", "曾").romanised == ("zeng", "guofan")
    assert romanised("петров") == "petrov"
    assert comparable("Stephen", "Smith").phonetic == comparable("Steven", "Smyth").phonetic


def test_i5_a_thai_or_hindi_word_stays_whole() -> None:
    assert words("สมชาย ใจดี") == ["สมชาย", "ใจดี"]
    assert words("प्रिया शर्मा") == ["प्रिया", "शर्मा"]


def test_i5_comparing_divides_a_whole_name_that_is_all_there_is() -> None:
    for whole in ("歐陽修", "欧阳修"):
        assert (comparable(None, None, whole).family, comparable(whole, None).given) == ("欧阳", "修")
    assert comparable(None, "Nguyễn Văn An").given == "van an"
    assert comparable("金凤", None).given == "金凤"
    assert comparable(None, None, "Ada Lovelace").given == "ada lovelace"
    assert comparable(None, None, None).all_tokens == ()


@pytest.mark.parametrize(
    ("traits", "shown"),
    [
        ({"given_name": "Ada", "family_name": "Lovelace"}, "Ada Lovelace"),
        ({"given_name": "小明", "family_name": "王"}, "王小明"),
        ({"given_name": "Văn An", "family_name": "Nguyễn"}, "Nguyễn Văn An"),
        ({"given_name": "Van An", "family_name": "Nguyen", "language": "vi-VN"}, "Nguyen Van An"),
        ({"given_name": "An", "middle_name": "Văn", "family_name": "Nguyễn", "language": "vi"}, "Nguyễn Văn An"),
        ({"given_name": "Xiaoming", "family_name": "Wang", "language": "zh_TW"}, "Wang Xiaoming"),
        ({"given_name": "민수", "family_name": "김"}, "김민수"),
        ({"given_name": "太郎", "family_name": "山田", "language": "ja"}, "山田太郎"),
        ({"given_name": "CONOR", "family_name": "O'BRIEN-SMITH"}, "Conor O'Brien-Smith"),
        ({"given_name": "ludwig", "family_name": "van beethoven"}, "Ludwig van Beethoven"),
        ({"given_name": "MARY", "family_name": "MCDONALD"}, "Mary McDonald"),
        ({"given_name": "Mary", "family_name": "MacLeod"}, "Mary MacLeod"),
        ({"display_name": "bell hooks", "given_name": "Gloria"}, "bell hooks"),
        ({"given_name": "JP"}, "JP"),
        ({"family_name": "王"}, "王"),
        ({"email": "a@example.org"}, None),
    ],
)
def test_i1_names_are_shown_in_the_order_of_their_language_and_script(traits: dict[str, str], shown: str) -> None:
    assert display_name(traits) == shown


@pytest.mark.parametrize(
    ("name", "language", "country", "parts"),
    [
        ("王小明", "zh-TW", None, ("小明", "王")),
        ("王小明", None, "TW", ("小明", "王")),
        ("歐陽修", "zh", None, ("修", "歐陽")),
        ("司馬相如", "zh", None, ("相如", "司馬")),
        ("范姜建國", "zh-TW", None, ("建國", "范姜")),
        ("王 小明", "zh", None, ("小明", "王")),
        ("Nguyễn Văn An", None, None, ("Văn An", "Nguyễn")),
        ("Nguyen Van An", "vi", None, ("Van An", "Nguyen")),
        ("Ada Lovelace", "en-GB", None, ("Ada", "Lovelace")),
        ("Ludwig van Beethoven", "de", None, ("Ludwig", "van Beethoven")),
        ("Lovelace, Ada", None, None, ("Ada", "Lovelace")),
        # What is not safe stays whole.
        ("王小明", None, None, None),
        ("山田太郎", "ja", None, None),
        ("范姜文", "zh-TW", None, None),
        ("阿凡提·買買提", "zh", None, None),
        ("An Nguyễn", "vi", None, None),
        ("Ada Lovelace", None, None, None),
        ("Anna Maria Smith", "en", None, None),
        ("María García", "es", None, None),
        ("Studio 54", "en", None, None),
        ("Ada", "en", None, None),
    ],
)
def test_i1_a_whole_name_is_divided_only_where_that_is_safe(
    name: str, language: str | None, country: str | None, parts: tuple[str, str] | None
) -> None:
    assert divide(name, language, country) == parts


def test_i5_what_is_no_name_is_refused_with_the_reason() -> None:
    for value, reason in (("---", "letters"), ("x" * 201, "200"), ("\u200b", "1 to 200"), ("Ada\x07", "control")):
        with pytest.raises(ValueError, match=reason):
            cleaned(value)
    assert cleaned("  Ada\u3000 \u00a0King\n") == "Ada King"
    assert cleaned("Nguye\u0302\u0303n") == "Nguyễn"
