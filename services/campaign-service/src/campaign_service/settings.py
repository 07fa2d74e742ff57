"""Settings of campaign-service: `RAPPORT_*` for what is common, `CAMPAIGN_*` for its own."""

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict
from rapport.settings import ServiceSettings


class CampaignSettings(ServiceSettings):
    """What campaign-service needs to run; every field is an environment variable `CAMPAIGN_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="CAMPAIGN_", extra="ignore", populate_by_name=True)

    smtp_url: str = Field(
        "smtp://127.0.0.1:1025", description="smtp://[user:password@]host[:port], smtps:// for TLS from the start"
    )
    mail_from: str = "Rapport <news@rapport.example>"
    public_url: str = Field("http://127.0.0.1:8003", description="Where recipients reach /u/{token}")
    link_secret: SecretStr | None = Field(None, description="Signs links; made and kept in the database if not given")
    currency: str = Field("USD", pattern="^[A-Z]{3}$", description="Currency of campaigns that name none")

    send_lanes: int = Field(4, ge=1, le=64, description="Messages on their way at the same time, a connection each")
    send_batch: int = Field(100, ge=1, le=500, description="Recipients leased at a time")
    send_timeout_seconds: float = Field(30, gt=0, le=300, description="For one message, from greeting to acceptance")
    send_tries: int = Field(8, ge=1, le=100, description="After so many temporary failures a send has failed")
    retry_seconds: float = Field(30, gt=0, le=3600, description="Wait after the first temporary failure; it doubles")
    idle_seconds: float = Field(0.25, gt=0, le=60, description="Between two looks for work when there is none")
    lease_seconds: float = Field(30, gt=0, le=600, description="How long work of a worker that died waits")
    page_size: int = Field(500, ge=1, le=500, description="Customers prepared in one transaction")
