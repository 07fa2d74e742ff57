"""What the firm has set: guards, and the country that phone numbers without a country code belong to."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from profile_service.ledger.guards import Guards


@dataclass(frozen=True, slots=True)
class Policy:
    """Settings as the rules need them."""

    guards: Guards
    country: str


async def policy_of(request: Request) -> Policy:
    """The policy of the application that answers."""
    policy: Policy = request.app.state.policy
    return policy


Policed = Annotated[Policy, Depends(policy_of)]
