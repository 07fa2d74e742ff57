"""Migration environment of segment-service."""

from rapport.migrations import run
from segment_service.models import Base

run(Base.metadata, "SEGMENT_DATABASE_URL")
