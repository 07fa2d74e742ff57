"""Migrates the database that INTERACTION_DATABASE_URL names."""

from interaction_service.models import Base
from rapport.migrations import run

run(Base.metadata, "INTERACTION_DATABASE_URL")
