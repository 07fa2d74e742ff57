"""Phone numbers read the short way are what the library makes of them."""

import random

import phonenumbers
import pytest
from rapport import phones
from rapport.identity import InvalidIdentifier, _e164, normalise


def by_the_library(value: str, country: str) -> str | None:
    try:
        return _e164(value, country)
    except InvalidIdentifier:
        return None


def written(dice: random.Random, region: str) -> str:
    """A number of a region, or nearly one, as people write it."""
    data = phonenumbers.PhoneMetadata.metadata_for_region(region)
    assert data is not None
    kinds = (data.mobile, data.fixed_line, data.toll_free)
    examples = [kind.example_number for kind in kinds if kind is not None and kind.example_number]
    digits = list(dice.choice(examples) if examples and dice.random() < 0.7 else f"{dice.randrange(10**5, 10**13)}")
    for _ in range(dice.choice((0, 0, 1, 2))):
        digits[dice.randrange(len(digits))] = dice.choice("0123456789")
    number, prefix, code = "".join(digits), data.national_prefix or "0", data.country_code
    return dice.choice((f"+{code}{number}", prefix + number, number, f"+{code}{prefix}{number}", f"{code}{number}"))


def test_the_short_way_says_what_the_library_says() -> None:
    dice, taken = random.Random(11), 0
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for _ in range(30):
            value = written(dice, region)
            short = phones.e164(value, region)
            if short is not None:
                taken += 1
                assert short == by_the_library(value, region) == normalise("phone", value, country=region), value
    assert taken > 1_000


@pytest.mark.parametrize(
    ("value", "country", "short"),
    [
        ("+886912345678", "TW", "+886912345678"),
        ("0912345678", "TW", "+886912345678"),
        ("+886 912 345 678", "TW", None),
        ("+8860912345678", "TW", None),
        ("912345678", "TW", None),
        ("+390612345678", "IT", None),
        ("+999123456789", "TW", None),
        ("0912345678", None, None),
        ("0912345678", "XX", None),
        ("+12", "US", None),
    ],
)
def test_what_takes_more_to_tell_is_left_to_the_library(value: str, country: str | None, short: str | None) -> None:
    assert phones.e164(value, country) == short
