"""Hiding personal data from callers without the scope `profiles:pii`."""

from typing import Any, Final

from rapport.telemetry.masking import HIDDEN, mask, masked_field

_TRAITS: Final = frozenset(
    {
        "given_name",
        "middle_name",
        "family_name",
        "display_name",
        "email",
        "phone",
        "birth_date",
        "gender",
        "address",
        "loyalty_card",
        "account_number",
        "national_id",
        "user_id",
        "messenger_id",
    }
)


def masked_identifier(kind: str, value: str) -> str:
    """Enough to tell two identifiers apart by eye, too little to reach anybody by."""
    if kind == "email":
        shown = mask(value)
        return shown if shown != value else HIDDEN
    if kind == "phone":
        return str(masked_field("phone", value))
    return value[:1] + HIDDEN


def is_personal(key: str) -> bool:
    """Whether a trait, given by its dotted key, says who somebody is."""
    return key.partition(".")[0] in _TRAITS


def masked_value(key: str, value: Any, *, personal: bool = False) -> Any:
    """The value of a trait, given by its dotted key, as callers without the scope see it.

    `personal` when the firm says that the attribute is.
    """
    if value is None:
        return None
    if not is_personal(key):
        # What a firm keeps under names of its own may hold an address or a number all the same.
        return HIDDEN if personal else masked_field(key, value)
    if isinstance(value, str) and key in {"email", "phone"}:
        return masked_identifier(key, value)
    if isinstance(value, str) and key.endswith("_name"):
        return masked_name(value)
    return HIDDEN


def masked_name(name: str) -> str:
    """The first letter of every word."""
    return " ".join(word[0] + HIDDEN for word in name.split())
