"""What keeps evidence from gluing strangers together: maxima per kind, shared things, values that nobody owns."""

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
SHARED: Final = frozenset({"device_id", "anonymous_id"})
ANY_KIND: Final = "*"
_nobody = re.compile(r"0+|[0-]{32,36}|no-?reply@.*")


@dataclass(frozen=True, slots=True)
class Guards:
    """Limits of one profile, and what may not join two.

    `maximum` bounds the identifiers of a kind, `identities` all of them. `blocked` values, by kind or for any (`*`),
    link nothing. An identifier of a `shared` kind does not join two profiles that both have an identifier of one other
    kind, such as two logins or two e-mail addresses; once that was tried it joins nobody further. One of a `never_join`
    kind belongs to one profile and joins it with no other at all. With `email_provider_rules` an e-mail address is
    evidence for the mailbox that its provider delivers it to, such as that without dots and tag.
    """

    maximum: Mapping[str, int] = field(default_factory=lambda: MAXIMUM)
    identities: int = 500
    blocked: Mapping[str, frozenset[str]] = field(default_factory=lambda: {ANY_KIND: BLOCKED})
    shared: frozenset[str] = SHARED
    never_join: frozenset[str] = frozenset()
    email_provider_rules: bool = False

    def blocks(self, kind: str, value: str) -> bool:
        """Whether a normalised value is a placeholder that many people share."""
        value = value.casefold()
        return (
            value in self.blocked.get(ANY_KIND, ())
            or value in self.blocked.get(kind, ())
            or _nobody.fullmatch(value) is not None
        )

    def personal(self, kind: str) -> bool:
        """Whether identifiers of a kind are taken to be one person's own."""
        return kind not in self.shared and kind not in self.never_join
