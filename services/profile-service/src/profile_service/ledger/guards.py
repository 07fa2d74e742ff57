"""What keeps evidence from gluing strangers together: maxima per kind, a maximum size, values that nobody owns."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

MAXIMUM: Final[Mapping[str, int]] = {
    "user_id": 1,
    "national_id": 1,
    "email": 10,
    "phone": 10,
    "loyalty_card": 5,
    "account_number": 5,
    "device_id": 50,
    "anonymous_id": 200,
}
BLOCKED: Final = frozenset(
    {
        "null", "undefined", "none", "nil", "nan", "n/a", "na", "unknown", "anonymous", "guest", "test",
        "true", "false", "-1", "test@test.com", "[object object]",
    }
)  # fmt: skip
_nobody = re.compile(r"0+|[0-]{32,36}|no-?reply@.*")


@dataclass(frozen=True, slots=True)
class Guards:
    """Limits of one profile: identifiers of a kind, identities in all; and values that link nothing."""

    maximum: Mapping[str, int] = field(default_factory=lambda: MAXIMUM)
    identities: int = 500
    blocked: frozenset[str] = BLOCKED

    def blocks(self, value: str) -> bool:
        """Whether a normalised value is a placeholder that many people share."""
        value = value.casefold()
        return value in self.blocked or _nobody.fullmatch(value) is not None
