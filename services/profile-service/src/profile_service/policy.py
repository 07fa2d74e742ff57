"""What the firm has set: guards, and the country that phone numbers without a country code belong to."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Request

from profile_service.ledger.guards import Guards


@dataclass(frozen=True, slots=True)
class ConsentPolicy:
    """Grants that need a double opt-in (`channel/purpose`, either may be `*`), and how long a confirmation may take.

    `channels` and `purposes` are those of the preference page.
    """

    double_opt_in: frozenset[str] = frozenset()
    confirm_within: timedelta = timedelta(days=14)
    channels: tuple[str, ...] = ("email", "sms", "phone", "letter")
    purposes: tuple[str, ...] = ("marketing", "service")


@dataclass(frozen=True, slots=True)
class Policy:
    """Settings as the rules need them."""

    guards: Guards
    country: str
    consents: ConsentPolicy = field(default_factory=ConsentPolicy)


async def policy_of(request: Request) -> Policy:
    """The policy of the application that answers."""
    policy: Policy = request.app.state.policy
    return policy


Policed = Annotated[Policy, Depends(policy_of)]
