"""Links that customers get: to confirm a consent, and to say what they allow."""

from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Request
from rapport.signing import Signer

_CONFIRMATION: Final = "confirmation"
_PREFERENCES: Final = "preferences"


class CustomerLinks:
    """Signed, and nothing any more when their time is over."""

    def __init__(self, secret: bytes, public_url: str) -> None:
        self._signer = Signer(secret)
        self._public_url = public_url.rstrip("/")

    def confirmation(self, opt_in_id: UUID, expires_at: datetime) -> str:
        """Where the customer confirms one grant."""
        return f"{self._public_url}/c/{self._token(_CONFIRMATION, opt_in_id, expires_at)}"

    def preferences(self, profile_id: UUID, expires_at: datetime) -> str:
        """Where the customer sees and changes what they allow."""
        return f"{self._public_url}/p/{self._token(_PREFERENCES, profile_id, expires_at)}"

    def opt_in_of(self, token: str) -> UUID | None:
        """The grant that a link confirms; None for a link that is not ours or too old."""
        return self._named(_CONFIRMATION, token)

    def profile_of(self, token: str) -> UUID | None:
        """The profile whose preferences a link opens; None for a link that is not ours or too old."""
        return self._named(_PREFERENCES, token)

    def _token(self, purpose: str, named: UUID, expires_at: datetime) -> str:
        return self._signer.expiring_token(purpose, named.bytes, expires_at)

    def _named(self, purpose: str, token: str) -> UUID | None:
        payload = self._signer.unexpired_payload(purpose, token, datetime.now(UTC))
        return UUID(bytes=payload) if payload is not None and len(payload) == 16 else None


async def links_of(request: Request) -> CustomerLinks:
    """The links of the application that answers."""
    links: CustomerLinks = request.app.state.customer_links
    return links


Linked = Annotated[CustomerLinks, Depends(links_of)]
