"""The synthetic part of households: valid, unique, and the same every time."""

import email_validator
import phonenumbers
from rapport.identity import normalise
from rapport_local.sample.people import DOMAINS, email_consent, person
from rapport_local.sample.source import Source


def _luhn(digits: str) -> int:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10


def test_every_phone_is_a_valid_american_number_of_its_own(full: Source) -> None:
    phones = [person(each.household).phone for each in full.households]
    assert len(set(phones)) == len(full.households) == 2469
    for phone in phones:
        number = phonenumbers.parse(phone)
        assert phonenumbers.is_valid_number(number), phone
        assert phonenumbers.region_code_for_number(number) == "US", phone
        # The range kept for fiction: nobody can be rung up.
        assert phone[5:10] == "55501", phone


def test_every_email_is_valid_reserved_and_unique(full: Source) -> None:
    emails = [person(each.household).email for each in full.households]
    assert len(set(emails)) == 2469
    for email in emails:
        address = email_validator.validate_email(email, check_deliverability=False)
        assert address.normalized == email
        assert address.domain in DOMAINS


def test_identifiers_are_canonical_as_they_stand(full: Source) -> None:
    for each in full.households:
        made = person(each.household)
        assert normalise("email", made.email) == made.email
        assert normalise("phone", made.phone) == made.phone
        assert normalise("loyalty_card", made.loyalty_card) == made.loyalty_card


def test_every_card_is_unique_and_passes_its_check_digit(full: Source) -> None:
    cards = [person(each.household).loyalty_card for each in full.households]
    assert len(set(cards)) == 2469
    assert all(len(card) == 12 and _luhn(card) == 0 for card in cards)


def test_a_household_is_the_same_person_whoever_was_asked_for_before() -> None:
    first = person(17)
    others = {person(household) for household in (2500, 1, 18)}
    assert person(17) == first
    assert first not in others


def test_nine_in_ten_consent_few_refuse_and_the_rest_were_not_asked(full: Source) -> None:
    answers = [email_consent(each.household) for each in full.households]
    share = {answer: answers.count(answer) / len(answers) for answer in (True, False, None)}
    assert 0.88 < share[True] < 0.92
    assert 0.02 < share[False] < 0.04
    assert 0.05 < share[None] < 0.09
