"""Phone numbers as most are written, read without the machinery of `phonenumbers`, and exactly as it reads them.

Digits alone after a plus or the national prefix leave little to decide: the same tables say the same in a twentieth of
the time. Whatever is written otherwise is left to the library.
"""

import re
from functools import cache
from typing import Final, NamedTuple

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, region_code_for_country_code

_international = re.compile(r"\+[1-9][0-9]{6,14}\Z")
_national = re.compile(r"[0-9]{6,15}\Z")
_REGION: Final = re.compile(r"[A-Z]{2}\Z")


class _Plan(NamedTuple):
    """Of a country code: what may be left out of national numbers, and how many digits these have."""

    prefix: re.Pattern[str] | None
    lengths: frozenset[int]


class _Region(NamedTuple):
    """Of a region with one literal national prefix: how a number begins abroad, and what is left without the prefix."""

    code: str
    prefix: str
    abroad: re.Pattern[str]
    number: re.Pattern[str]


def e164(value: str, country: str | None) -> str | None:
    """The number in E.164; None when it takes more to tell what it is or whether it is one."""
    if value.startswith("+"):
        return value if _international.match(value) and _is_possible(value) else None
    region = _region(country) if country and _REGION.match(country) else None
    if region is None or not value.startswith(region.prefix) or not _national.match(value):
        return None
    number = value[len(region.prefix) :]
    if region.abroad.match(value) or not region.number.fullmatch(number):
        return None
    found = f"+{region.code}{number}"
    return found if _is_possible(found) else None


def _is_possible(value: str) -> bool:
    code = next((value[1:end] for end in (2, 3, 4) if int(value[1:end]) in COUNTRY_CODE_TO_REGION_CODE), None)
    plan = None if code is None else _plan(int(code))
    if plan is None or code is None:
        return False
    number = value[1 + len(code) :]
    return (
        len(number) in plan.lengths
        and not number.startswith("0")
        and (plan.prefix is None or plan.prefix.match(number) is None)
    )


@cache
def _plan(code: int) -> _Plan | None:
    data = PhoneMetadata.metadata_for_region_or_calling_code(code, region_code_for_country_code(code))
    if data is None or data.general_desc is None:
        return None
    general = data.general_desc
    lengths = frozenset(general.possible_length) - frozenset(general.possible_length_local_only)
    prefix = data.national_prefix_for_parsing
    return _Plan(re.compile(prefix) if prefix else None, lengths)


@cache
def _region(country: str) -> _Region | None:
    data = PhoneMetadata.metadata_for_region(country)
    if data is None or data.general_desc is None or not data.general_desc.national_number_pattern:
        return None
    prefix = data.national_prefix
    if not prefix or prefix != data.national_prefix_for_parsing or data.national_prefix_transform_rule:
        return None
    if not data.international_prefix or str(data.country_code).startswith(prefix[0]):
        return None
    return _Region(
        str(data.country_code),
        prefix,
        re.compile(data.international_prefix),
        re.compile(data.general_desc.national_number_pattern),
    )
