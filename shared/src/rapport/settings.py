"""Settings every service has; a service adds its own and an environment prefix."""

from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

Role = Literal["api", "worker", "all"]


def shared(name: str) -> AliasChoices:
    """A setting that all services read from the same variable, `RAPPORT_<NAME>`."""
    return AliasChoices(f"RAPPORT_{name.upper()}", name)


class ServiceSettings(BaseSettings):
    """Read from the environment: `RAPPORT_*` for what is common, `<SERVICE>_*` for what is the service's own."""

    model_config = SettingsConfigDict(extra="ignore", populate_by_name=True)

    database_url: str
    role: Role = Field("all", validation_alias=shared("role"))
    jwks_file: Path | None = Field(None, validation_alias=shared("jwks_file"))
    jwks_url: str | None = Field(None, validation_alias=shared("jwks_url"))
    token_audience: str = Field("rapport", validation_alias=shared("token_audience"))
    service_token: SecretStr = Field(SecretStr(""), validation_alias=shared("service_token"))
    profile_url: str = Field("http://127.0.0.1:8001", validation_alias=shared("profile_url"))
    segment_url: str = Field("http://127.0.0.1:8002", validation_alias=shared("segment_url"))
    campaign_url: str = Field("http://127.0.0.1:8003", validation_alias=shared("campaign_url"))
    interaction_url: str = Field("http://127.0.0.1:8004", validation_alias=shared("interaction_url"))
    data_dir: Path = Field(Path(".rapport/data"), validation_alias=shared("data_dir"))
    default_country: str = Field("US", validation_alias=shared("default_country"), pattern="^[A-Z]{2}$")
    log_level: str = Field("INFO", validation_alias=shared("log_level"))
    pool_size: int = Field(10, ge=1, le=100, validation_alias=shared("pool_size"))

    @property
    def serves(self) -> bool:
        """Whether this process answers requests."""
        return self.role in {"api", "all"}

    @property
    def works(self) -> bool:
        """Whether this process follows feeds and runs jobs."""
        return self.role in {"worker", "all"}
