"""Canonical forms and identity ids."""

import re
import uuid

import email_validator
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from rapport import identity
from rapport.identity import (
    Identifier,
    InvalidIdentifier,
    InvalidIdentifiers,
    confidence,
    identity_id,
    normalise,
    normalise_all,
    strength,
    strongest,
)

KINDS = (
    "user_id",
    "anonymous_id",
    "email",
    "phone",
    "loyalty_card",
    "device_id",
    "messenger_id",
    "club_number",
)
LOCAL = st.text("abzAZ019._+-!#'{}~", min_size=1, max_size=20)
LABEL = st.text("abzAZ019-", min_size=1, max_size=12) | st.sampled_from(
    ["xn--bcher-kva", "ab--c", "x" * 63, "x" * 64, "test", "local", "invalid", "com", "c1", "localhost", "tw"]
)
ADDRESS = st.builds(lambda local, labels: f"{local}@{'.'.join(labels)}", LOCAL, st.lists(LABEL, min_size=1, max_size=4))


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("email", " Ada.Lovelace@Example.ORG ", "ada.lovelace@example.org"),
        ("email", "ada@shop.test", "ada@shop.test"),
        ("email", "ada@xn--bcher-kva.example.com", "ada@bücher.example.com"),
        ("email", "ada@BÜCHER.example.com", "ada@bücher.example.com"),
        ("email", "jose\u0301@example.org", "jos\u00e9@example.org"),
        ("phone", "+886 2 2345 6789", "+886223456789"),
        ("phone", "\uff0b886-2-2345-6789", "+886223456789"),
        ("user_id", "  Kept-Case 1 ", "Kept-Case 1"),
        ("anonymous_id", "cafe\u0301", "caf\u00e9"),
        ("loyalty_card", " 12-ab 34\u20115 ", "12AB345"),
        ("account_number", "tw00 1234-5678", "TW0012345678"),
        ("messenger_id", " @Ada ", "@Ada"),
    ],
)
def test_spellings_of_one_identifier_have_one_form(kind: str, value: str, expected: str) -> None:
    assert normalise(kind, value) == expected


def test_a_national_phone_number_belongs_to_the_country_given() -> None:
    assert normalise("phone", "02 2345 6789", country="TW") == "+886223456789"
    assert normalise("phone", "0912345678", country="tw") == "+886912345678"
    with pytest.raises(InvalidIdentifier) as caught:
        normalise("phone", "02 2345 6789")
    assert "country code" in caught.value.detail


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("email", "ada"),
        ("email", "ada@localhost"),
        ("email", "ada@shop.invalid"),
        ("email", "ada..l@example.org"),
        ("email", f"{'a' * 250}@example.org"),
        ("email", f"{'a' * 5000}@example.org"),
        ("email", "Ada <ada@example.org>"),
        ("email", ""),
        ("phone", ""),
        ("phone", "call me"),
        ("phone", "+15550100"),
        ("phone", "+886 2 2345 6789 ext. 12"),
        ("phone", "+88622345678900000"),
        ("phone", "1" * 5000),
        ("user_id", ""),
        ("user_id", "  \t "),
        ("user_id", "a\x00b"),
        ("user_id", "a\nb"),
        ("user_id", "a\u2028b"),
        ("user_id", "a\ud800"),
        ("user_id", "x" * 513),
        ("loyalty_card", " - - "),
        ("loyalty_card", "x" * 513),
    ],
)
def test_what_cannot_identify_is_refused_with_advice(kind: str, value: str) -> None:
    with pytest.raises(InvalidIdentifier) as caught:
        normalise(kind, value)
    assert len(caught.value.detail) > 10
    assert caught.value.member == "value"


@pytest.mark.parametrize("kind", ["", "a", "Email", "9lives", "a b", "a" * 33, "email\n", "pöst"])
def test_a_kind_outside_the_pattern_is_refused(kind: str) -> None:
    assert not re.fullmatch(identity.KIND_PATTERN, kind) or kind.endswith("\n")
    with pytest.raises(InvalidIdentifier) as caught:
        normalise(kind, "value")
    assert caught.value.member == "kind"


def test_all_invalid_identifiers_are_reported_by_their_place() -> None:
    pairs = [("email", "Ada@Example.org"), ("email", "ada"), ("user_id", "7"), ("Bad Kind", "7")]
    with pytest.raises(InvalidIdentifiers) as caught:
        normalise_all(pairs)
    assert [error["pointer"] for error in caught.value.errors] == [
        "/identifiers/1/value",
        "/identifiers/3/kind",
    ]
    assert all(error["detail"] for error in caught.value.errors)
    assert normalise_all(pairs[::2]) == [Identifier("email", "ada@example.org"), Identifier("user_id", "7")]


@given(
    st.sampled_from(KINDS),
    st.text(max_size=60) | ADDRESS | st.from_regex(r"\+?[0-9 ()-]{5,18}", fullmatch=True),
)
def test_normalising_twice_changes_nothing(kind: str, value: str) -> None:
    try:
        once = normalise(kind, value, country="TW")
    except InvalidIdentifier:
        assume(False)
    assert normalise(kind, once) == once
    once.encode()


@given(ADDRESS)
def test_the_fast_path_for_addresses_agrees_with_the_validator(address: str) -> None:
    lowered = address.lower()
    by_regex = bool(
        len(lowered) <= 254
        and identity._plain_email.match(lowered)
        and not lowered.endswith(identity._reserved_domains)
    )
    try:
        by_the_book: str | None = identity._email_by_the_book(address)
    except InvalidIdentifier:
        by_the_book = None
    if by_regex:
        assert by_the_book == lowered
        checked = email_validator.validate_email(lowered, check_deliverability=False, test_environment=True)
        assert checked.normalized == lowered


def test_ordinary_addresses_take_the_fast_path() -> None:
    for address in ("ada@example.org", "a.b+c_d@mail-1.shop.co.uk", "o'hara@x.test", "1@2.tw"):
        assert identity._plain_email.match(address)


@given(st.sampled_from(KINDS), st.text(st.characters(codec="utf-8"), max_size=60))
def test_the_identity_id_is_uuid5(kind: str, value: str) -> None:
    made = identity_id(kind, value)
    standard = uuid.uuid5(identity.NAMESPACE, f"{kind}:{value}")
    assert made == standard
    assert (str(made), hash(made), made.version, made.variant) == (
        str(standard),
        hash(standard),
        5,
        uuid.RFC_4122,
    )
    assert made.is_safe is standard.is_safe


def test_identity_ids_are_frozen() -> None:
    assert str(identity_id("email", "ada@example.org")) == "3ac33534-4d49-5d14-be85-a7687f0677b6"


def test_the_strongest_kind_decides_whatever_the_order() -> None:
    ordered = [
        "user_id",
        "account_number",
        "national_id",
        "loyalty_card",
        "email",
        "phone",
        "messenger_id",
        "club",
    ]
    ordered += ["device_id", "anonymous_id"]
    assert [strength(kind) for kind in ordered] == list(range(10))
    identifiers = [
        Identifier("anonymous_id", "a"),
        Identifier("email", "b@x.test"),
        Identifier("email", "a@x.test"),
    ]
    assert strongest(identifiers) == strongest(identifiers[::-1]) == Identifier("email", "a@x.test")
    assert [confidence(kind) for kind in ordered] == [1.0, 0.98, 0.98, 0.98, 0.95, 0.9, 0.9, 0.8, 0.6, 0.5]
    with pytest.raises(ValueError, match="empty"):
        strongest([])
