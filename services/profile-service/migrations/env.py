"""Migrates the database that PROFILE_DATABASE_URL names."""

from profile_service.models import Base
from rapport.migrations import run

run(Base.metadata, "PROFILE_DATABASE_URL")
