"""What a customer is like is answered to callers with the scope `profiles:pii` alone."""

from typing import Any, Final

from rapport.telemetry.masking import HIDDEN

# What says how to serve somebody without saying who they are. Which other attributes are personal is the firm's to
# say, and known to profile-service alone.
_PLAIN: Final = frozenset({"address.country", "address.region", "category", "country", "kind", "language", "time_zone"})


def masked_trait(key: str, value: Any) -> Any:
    """The value of a trait, given by its dotted key, as callers without the scope see it."""
    if value is None or key in _PLAIN:
        return value
    return [HIDDEN for _ in value] if isinstance(value, list) else HIDDEN
