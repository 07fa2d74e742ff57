"""What a pair must show, beside its probability, to be linked without anybody's word.

Relatives share address, family name, telephone, mailbox, sometimes a given name (father and son) or a birth date
(twins). A model of independent fields takes much of that together for proof. So where people live in households, each
pair needs what only one person has: a given name and a birth date that agree, and more the less exactly they do. What
fails goes to review however probable it is.

Elsewhere a pair needs less, but what contradicts is not outweighed by what many share: with birth dates that differ,
a street, a town and a common name are those of a namesake as likely as not.
"""

import math
from collections.abc import Mapping
from typing import Final

# What a pair lacks, as told to those who review it.
MORE_THAN_A_NAME: Final = "more_than_a_name"
GIVEN_NAME: Final = "given_name"
FAMILY_NAME: Final = "family_name"
BIRTH_DATE: Final = "birth_date"
ADDRESS_OR_CONTACT: Final = "address_or_contact"
BIRTH_DATE_OR_ADDRESS: Final = "birth_date_or_address"
ONE_PERSON_AMONG_ALL: Final = "one_person_among_all"

_NAMES: Final = ("given_name", "family_name")
_SAME_NAME: Final = frozenset({"same", "exchanged"})
_LIKE_NAME: Final = _SAME_NAME | {"close", "exchanged, close"}
_SAME_DAY: Final = frozenset({"same", "day and month exchanged"})
_LIKE_DAY: Final = _SAME_DAY | {"one digit or two exchanged"}
_PARTLY: Final = frozenset({"two of year, month, day"})
_SAME_STREET: Final = frozenset({"same", "close"})
_GARBLED_STREET: Final = frozenset({"street, number unknown", "number, street unknown"})
_OTHER_TOWN: Final = frozenset({None, "postcode close", "other"})
_RARE: Final = 2.0  # log2: a namesake in a quarter of cases

Levels = Mapping[str, str | None]
"""The level of agreement of each field, None where unknown."""


def rare_name(records: int) -> float:
    """The weight of a name (log2) from which on somebody has a namesake among so many people in a quarter of cases."""
    return math.log2(records) + _RARE


def lacking(levels: Levels, weights: Mapping[str, float], *, households: bool, rare: float) -> tuple[str, ...]:
    """What is missing for a link without review.

    `weights` as in pairs, `households` whether people live together or next to namesakes, `rare` as of `rare_name`.
    """
    lacks = []
    # Two people of one name of whom nothing else is known may be two.
    if not any(weight > 0 for field, weight in weights.items() if field not in _NAMES):
        lacks.append(MORE_THAN_A_NAME)
    contact = levels["email"] == "same" or levels["phone"] == "same"
    if not households:
        rarely = weights.get("given_name", 0.0) + weights.get("family_name", 0.0) >= rare
        if not contact and _contradictory(levels, is_rare=rarely):
            lacks.append(BIRTH_DATE_OR_ADDRESS)
        return tuple(lacks)
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


def _contradictory(levels: Levels, *, is_rare: bool) -> bool:
    """Whether birth date and address both speak against one person, so that namesakes are as likely."""
    born, street, elsewhere = levels["birth_date"], levels["street"], levels["place"] in _OTHER_TOWN
    if born == "other":
        # What is missing of an address contradicts nothing.
        at_home = street in _SAME_STREET or street in _GARBLED_STREET or (is_rare and street != "other")
        return elsewhere or not at_home
    if born is None or born in _SAME_DAY or street != "other":
        return False
    return elsewhere or not {levels["given_name"], levels["family_name"]} <= _SAME_NAME
