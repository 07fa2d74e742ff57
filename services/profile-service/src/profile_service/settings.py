"""Settings of profile-service."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict
from rapport.settings import ServiceSettings

from profile_service.ledger.guards import BLOCKED, MAXIMUM, Guards


class ProfileSettings(ServiceSettings):
    """`PROFILE_*` in the environment, beside what all services read."""

    model_config = SettingsConfigDict(env_prefix="PROFILE_", extra="ignore", populate_by_name=True)

    guard_maximum: dict[str, int] = Field(default_factory=dict, description="Identifiers of a kind per profile")
    guard_identities: int = Field(500, ge=2, le=10_000, description="Identities of one profile at most")
    guard_blocked: set[str] = Field(default_factory=set, description="Further values that link nothing")

    def guards(self) -> Guards:
        """The defaults, with what these settings change."""
        return Guards(
            maximum={**MAXIMUM, **self.guard_maximum},
            identities=self.guard_identities,
            blocked=BLOCKED | {value.casefold() for value in self.guard_blocked},
        )
