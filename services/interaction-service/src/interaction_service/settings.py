"""Settings of interaction-service: `RAPPORT_*` for what is common, `INTERACTION_*` for its own."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict
from rapport.settings import ServiceSettings


class InteractionSettings(ServiceSettings):
    """What interaction-service needs to run; every field is an environment variable `INTERACTION_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="INTERACTION_", extra="ignore", populate_by_name=True)

    resolve_budget_ms: int = Field(1_000, ge=1, le=30_000, description="For profile-service to say who somebody is")
    standing_budget_ms: int = Field(
        150, ge=1, le=30_000, description="For segment-service to say how a customer stands"
    )
    decision_budget_ms: int = Field(150, ge=1, le=30_000, description="For campaign-service to decide what to do next")

    collector_requests: int = Field(200, ge=1, le=100_000, description="Collector calls held at a time; more get 503")
    collector_bytes: int = Field(64 << 20, ge=1 << 20, description="Bytes of collector bodies held at a time")
    collector_body_seconds: float = Field(30, gt=0, le=600, description="For a collector call's body to arrive")
    collector_writers: int = Field(4, ge=1, le=100, description="Batches written at a time")
    message_ids_kept_days: int = Field(45, ge=1, le=3_650, description="How long a repeated messageId is recognised")

    exact_history: int = Field(200, ge=0, le=10_000, description="Histories shorter than this are counted at each read")
    months_ahead: int = Field(2, ge=1, le=24, description="Partitions made before they are needed")
