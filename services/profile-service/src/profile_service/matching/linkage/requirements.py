"""What a pair must show, beside its probability, to be linked without anybody's word.

Relatives share address, family name, telephone, mailbox, sometimes a given name (father and son) or a birth date
(twins). A model of independent fields takes much of that together for proof. So where people live in households, each
pair needs what only one person has: a given name and a birth date that agree, and more the less exactly they do. What
fails goes to review however probable it is.
"""

from collections.abc import Mapping
from typing import Final

# What a pair lacks, as told to those who review it.
MORE_THAN_A_NAME: Final = "more_than_a_name"
GIVEN_NAME: Final = "given_name"
FAMILY_NAME: Final = "family_name"
BIRTH_DATE: Final = "birth_date"
ADDRESS_OR_CONTACT: Final = "address_or_contact"
ONE_PERSON_AMONG_ALL: Final = "one_person_among_all"

_NAMES: Final = ("given_name", "family_name")
_SAME_NAME: Final = frozenset({"same", "exchanged"})
_LIKE_NAME: Final = _SAME_NAME | {"close", "exchanged, close"}
_SAME_DAY: Final = frozenset({"same", "day and month exchanged"})
_LIKE_DAY: Final = _SAME_DAY | {"one digit or two exchanged"}
_PARTLY: Final = frozenset({"two of year, month, day"})
_SAME_STREET: Final = frozenset({"same", "close"})

Levels = Mapping[str, str | None]
"""The level of agreement of each field, None where unknown."""


def lacking(levels: Levels, weights: Mapping[str, float], *, households: bool) -> tuple[str, ...]:
    """What is missing for a link without review; `weights` as in pairs, `households` whether people live together."""
    lacks = []
    # Two people of one name of whom nothing else is known may be two.
    if not any(weight > 0 for field, weight in weights.items() if field not in _NAMES):
        lacks.append(MORE_THAN_A_NAME)
    if not households:
        return tuple(lacks)
    contact = levels["email"] == "same" or levels["phone"] == "same"
    address = levels["street"] in _SAME_STREET and levels["place"] != "other"
    given, family, born = levels["given_name"], levels["family_name"], levels["birth_date"]
    if given not in _LIKE_NAME:
        lacks.append(GIVEN_NAME)
    if family not in _LIKE_NAME and not (given in _SAME_NAME and born in _SAME_DAY and (address or contact)):
        lacks.append(FAMILY_NAME)
    # A mailbox and a telephone together stand in for a birth date that one side does not tell.
    reached = born is None and levels["email"] == levels["phone"] == "same" and given in _SAME_NAME
    if not reached and born not in _LIKE_DAY and not (born in _PARTLY and given in _SAME_NAME and family in _LIKE_NAME):
        lacks.append(BIRTH_DATE)
    if not (address or contact) and not (born in _SAME_DAY and given in _SAME_NAME and family in _SAME_NAME):
        lacks.append(ADDRESS_OR_CONTACT)
    return tuple(lacks)
