"""Schemes that the firm defines: grades, treatments, need groups; and who holds what."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from segment_service.models.base import Base


class Grading(Base):
    """A grading scheme; `grades` from the highest to the lowest."""

    __tablename__ = "grading"

    key: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    grades: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    version: Mapped[int] = mapped_column(server_default="1")
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    changed_by: Mapped[str]


class GradeHeld(Base):
    """The grade of a profile in a scheme. A profile merged away keeps its row: the survivor keeps what either held."""

    __tablename__ = "grade_held"
    __table_args__ = (Index("ix_grade_held_scheme", "scheme", "grade"),)

    profile_id: Mapped[UUID] = mapped_column(primary_key=True)
    scheme: Mapped[str] = mapped_column(primary_key=True)
    grade: Mapped[str]
    since: Mapped[datetime]


class Treatment(Base):
    """What customers of some classes and grades get."""

    __tablename__ = "treatment"

    key: Mapped[str] = mapped_column(primary_key=True)
    document: Mapped[dict[str, Any]] = mapped_column(JSONB)
    version: Mapped[int] = mapped_column(server_default="1")
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    changed_by: Mapped[str]


class NeedGroup(Base):
    """Customers who need the same, and what counts as evidence of it."""

    __tablename__ = "need_group"

    key: Mapped[str] = mapped_column(primary_key=True)
    document: Mapped[dict[str, Any]] = mapped_column(JSONB)
    version: Mapped[int] = mapped_column(server_default="1")
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    changed_by: Mapped[str]


class NeedHeld(Base):
    """How sure it is that a profile needs what a group does, 0 to 1; only where that reaches the group's threshold."""

    __tablename__ = "need_held"
    __table_args__ = (Index("ix_need_held_need_group", "need_group", text("confidence DESC")),)

    profile_id: Mapped[UUID] = mapped_column(primary_key=True)
    need_group: Mapped[str] = mapped_column(primary_key=True)
    confidence: Mapped[float]
    since: Mapped[datetime]
