"""Groups found in the data, and rankings by likeness."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import REAL, ForeignKey, Index, Integer, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from segment_service.models.base import Base


class Clustering(Base):
    """A search for groups; runs of one `name` continue each other's groups."""

    __tablename__ = "clustering"
    __table_args__ = (Index("ix_clustering_name", "name", "clustering_id"),)

    clustering_id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("uuidv7()"))
    name: Mapped[str]
    spec: Mapped[dict[str, Any]] = mapped_column(JSONB)
    job_id: Mapped[UUID]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    as_of: Mapped[datetime | None]
    result: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))


class ClusteringMember(Base):
    """Which group a customer was found in."""

    __tablename__ = "clustering_member"
    __table_args__ = (
        Index("ix_clustering_member_group_key", "clustering_id", "group_key", "profile_id"),
        Index("ix_clustering_member_profile_id", "profile_id"),
    )

    clustering_id: Mapped[UUID] = mapped_column(
        ForeignKey("clustering.clustering_id", ondelete="CASCADE"), primary_key=True
    )
    profile_id: Mapped[UUID] = mapped_column(primary_key=True)
    group_key: Mapped[str]


class Lookalike(Base):
    """A ranking of customers by likeness to given ones."""

    __tablename__ = "lookalike"

    lookalike_id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("uuidv7()"))
    name: Mapped[str]
    spec: Mapped[dict[str, Any]] = mapped_column(JSONB)
    job_id: Mapped[UUID]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    as_of: Mapped[datetime | None]
    result: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))


class LookalikeScore(Base):
    """How like the given ones a customer is, 0 to 1, and the place among all that are ranked."""

    __tablename__ = "lookalike_score"
    __table_args__ = (
        Index("ix_lookalike_score_place", "lookalike_id", "place"),
        Index("ix_lookalike_score_profile_id", "profile_id"),
    )

    lookalike_id: Mapped[UUID] = mapped_column(
        ForeignKey("lookalike.lookalike_id", ondelete="CASCADE"), primary_key=True
    )
    profile_id: Mapped[UUID] = mapped_column(primary_key=True)
    score: Mapped[float] = mapped_column(REAL)
    place: Mapped[int] = mapped_column(Integer)
