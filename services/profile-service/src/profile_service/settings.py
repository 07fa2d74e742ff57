"""Settings of profile-service."""

from datetime import timedelta

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict
from rapport.settings import ServiceSettings

from profile_service.ledger.guards import BLOCKED, MAXIMUM, Guards
from profile_service.policy import ConsentPolicy


class ProfileSettings(ServiceSettings):
    """`PROFILE_*` in the environment, beside what all services read."""

    model_config = SettingsConfigDict(env_prefix="PROFILE_", extra="ignore", populate_by_name=True)

    guard_maximum: dict[str, int] = Field(default_factory=dict, description="Identifiers of a kind per profile")
    guard_identities: int = Field(500, ge=2, le=10_000, description="Identities of one profile at most")
    guard_blocked: set[str] = Field(default_factory=set, description="Further values that link nothing")

    public_url: str = Field("http://127.0.0.1:8001", description="Where customers reach /p/{token} and /c/{token}")
    link_secret: SecretStr | None = Field(None, description="Signs links; made and kept in the database if not given")
    pseudonym_key: SecretStr | None = Field(
        None, description="Keys the hashes left of erased people; kept in the database, and its backups, if not given"
    )
    double_opt_in: set[str] = Field(
        default_factory=set, description="Grants that the customer has to confirm: channel/purpose, either may be *"
    )
    confirm_days: int = Field(14, ge=1, le=365, description="How long a double opt-in may be confirmed")
    preference_channels: list[str] = Field(["email", "sms", "phone", "letter"], min_length=1, max_length=20)
    preference_purposes: list[str] = Field(["marketing", "service"], min_length=1, max_length=20)

    def consents(self) -> ConsentPolicy:
        """What these settings say on consents."""
        return ConsentPolicy(
            frozenset(self.double_opt_in),
            timedelta(days=self.confirm_days),
            tuple(self.preference_channels),
            tuple(self.preference_purposes),
        )

    def guards(self) -> Guards:
        """The defaults, with what these settings change."""
        return Guards(
            maximum={**MAXIMUM, **self.guard_maximum},
            identities=self.guard_identities,
            blocked=BLOCKED | {value.casefold() for value in self.guard_blocked},
        )
