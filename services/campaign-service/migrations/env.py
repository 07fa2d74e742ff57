"""Migration environment of campaign-service."""

from campaign_service.models import Base
from rapport.migrations import run

run(Base.metadata, "CAMPAIGN_DATABASE_URL")
