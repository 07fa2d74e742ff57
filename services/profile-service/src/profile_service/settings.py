"""Settings of profile-service."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, PositiveInt, SecretStr
from pydantic_settings import SettingsConfigDict
from rapport.identity import KIND_PATTERN, normalise
from rapport.settings import ServiceSettings

from profile_service.ledger.guards import ANY_KIND, BLOCKED, MAXIMUM, SHARED, Guards
from profile_service.policy import ConsentPolicy

Kind = Annotated[str, Field(pattern=KIND_PATTERN)]


class ProfileSettings(ServiceSettings):
    """`PROFILE_*` in the environment, beside what all services read."""

    model_config = SettingsConfigDict(env_prefix="PROFILE_", extra="ignore", populate_by_name=True)

    guard_maximum: dict[Kind, PositiveInt] = Field(
        default_factory=dict, description="Identifiers of a kind per profile, beside the defaults"
    )
    guard_identities: int = Field(500, ge=2, le=10_000, description="Identities of one profile at most")
    guard_blocked: dict[Kind | Literal["*"], set[str]] = Field(
        default_factory=dict, description="Further values that link nothing, by kind or (`*`) for any"
    )
    guard_shared: set[Kind] = Field(
        default_factory=lambda: set(SHARED), description="Kinds of things that several people may use"
    )
    guard_never_join: set[Kind] = Field(default_factory=set, description="Kinds that never join two profiles")
    email_provider_rules: bool = Field(
        False,
        description="Spellings that a provider delivers to one mailbox (dots at Gmail, +tags) link. An address known "
        "before this was switched on does so when something new links to it; links stay when it is switched off",
    )

    match_link_probability: float = Field(0.95, gt=0.5, le=1, description="Duplicates so probable link by themselves")
    match_review_probability: float = Field(0.5, ge=0.01, le=1, description="Duplicates so probable are offered")
    match_engine: Literal["duckdb", "spark"] = Field("duckdb", description="Where records are compared")
    match_memory: str = Field("1GB", pattern=r"^[1-9][0-9]*(MB|GB)$", description="Memory of the columns compared")
    match_threads: int = Field(2, ge=1, le=256, description="Threads that compare")
    match_spark_master: str = Field("local[*]", description="As Spark names it, such as spark://host:7077")

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

    import_bytes: int = Field(2 << 30, ge=1 << 10, description="Largest file of an import")
    import_file_seconds: float = Field(3_600, ge=0, description="How long the file of a failed import is kept")
    import_value_days: int = Field(30, ge=0, description="How long bad values of an import are shown")

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
            blocked=self._blocked(),
            shared=frozenset(self.guard_shared - self.guard_never_join),
            never_join=frozenset(self.guard_never_join),
            email_provider_rules=self.email_provider_rules,
        )

    def _blocked(self) -> dict[str, frozenset[str]]:
        blocked: dict[str, frozenset[str]] = {ANY_KIND: BLOCKED}
        for kind, values in self.guard_blocked.items():
            written = values
            if kind != ANY_KIND:
                written = {normalise(kind, each, country=self.default_country) for each in values}
            blocked[kind] = blocked.get(kind, frozenset()) | {each.casefold() for each in written}
        return blocked
