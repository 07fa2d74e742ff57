"""Personal data is answered to callers with the scope `profiles:pii` alone."""

from collections.abc import Mapping
from typing import Any

from rapport.telemetry.masking import HIDDEN

# What says how to serve somebody without saying who they are.
_PLAIN = frozenset({"country", "language", "time_zone", "gender", "kind", "category"})
_PARTS_OF_ADDRESS = frozenset({"country", "region"})
_PERSONAL = frozenset(
    {"email", "phone", "mobile", "address", "first_name", "last_name", "given_name", "family_name", "birth_date"}
)


def masked_traits(traits: Mapping[str, Any]) -> dict[str, Any]:
    """Traits by which nobody can be recognised: texts hidden but for a few, other values as they are."""
    return {key: value if key in _PLAIN else _masked(key, value) for key, value in traits.items()}


def _masked(key: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            part: each if key == "address" and part in _PARTS_OF_ADDRESS else _masked(part, each)
            for part, each in value.items()
        }
    if isinstance(value, list):
        return [_masked(key, each) for each in value]
    return HIDDEN if isinstance(value, str) else value


def masked_data(data: Mapping[str, Any]) -> dict[str, Any]:
    """A touchpoint's data with traits, contact points and names hidden."""
    return {key: _masked_member(key, value) for key, value in data.items()}


def _masked_member(key: str, value: Any) -> Any:
    if key == "traits" and isinstance(value, Mapping):
        return masked_traits(value)
    return _masked(key, value) if key in _PERSONAL else value
