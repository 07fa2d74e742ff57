"""The part of a household that the data set does not hold: names, addresses, card and consent, all synthetic."""

import hashlib
import re
from functools import lru_cache
from typing import Final, NamedTuple

from faker import Faker

SYNTHETIC: Final = ("email", "phone", "given_name", "family_name", "loyalty_card")
DOMAINS: Final = ("example.com", "example.net", "example.org")

# A hundred numbers, 555-0100 to 555-0199, are kept for fiction in every area; households are numbered 1 to 2500.
AREA_CODES: Final = (
    *(201, 202, 203, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215),
    *(216, 217, 218, 219, 220, 223, 224, 225, 227, 228, 229, 231),
)

_CONSENT_GRANTED_PERCENT = 90
_CONSENT_DENIED_PERCENT = 3


class Person(NamedTuple):
    """Who answers for a household; phone in E.164."""

    given_name: str
    family_name: str
    email: str
    phone: str
    loyalty_card: str


def person(household: int) -> Person:
    """The same person for the same household number, 1 to 2500, always."""
    faker = _faker()
    faker.seed_instance(household)
    given, family = faker.first_name(), faker.last_name()
    local = ".".join(re.sub("[^a-z]", "", name.lower()) for name in (given, family))
    email = f"{local}.{household}@{faker.random_element(DOMAINS)}"
    return Person(given, family, email, _phone(household), _card(household))


def email_consent(household: int) -> bool | None:
    """Whether the household agreed to e-mail marketing: most did, some refused, the rest were never asked."""
    digest = hashlib.sha256(f"email_marketing:{household}".encode()).digest()
    percentile = int.from_bytes(digest[:8]) % 100
    if percentile < _CONSENT_GRANTED_PERCENT:
        return True
    return False if percentile < _CONSENT_GRANTED_PERCENT + _CONSENT_DENIED_PERCENT else None


@lru_cache(maxsize=1)
def _faker() -> Faker:
    return Faker("en_US")


def _phone(household: int) -> str:
    area, line = divmod(household - 1, 100)
    return f"+1{AREA_CODES[area]}55501{line:02d}"


def _card(household: int) -> str:
    """Twelve digits, the last the check digit of ISO/IEC 7812-1 (Luhn)."""
    digits = f"84510{household:06d}"
    doubled = (int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(digits)))
    return f"{digits}{-sum(value // 10 + value % 10 for value in doubled) % 10}"
