"""Repeating records with their history, and who else may use them; stored under the identity they came with."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, ForeignKey, Index, Integer, Text, Uuid, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from profile_service.models.base import Base


class _Content:
    value: Mapped[Any] = mapped_column(JSONB, nullable=False)
    observed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    source: Mapped[str] = mapped_column(Text)
    deleted: Mapped[bool] = mapped_column(server_default=text("false"))
    reason: Mapped[str | None] = mapped_column(Text)
    recorded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    recorded_by: Mapped[str] = mapped_column(Text)


class Record(_Content, Base):
    """A record of a repeating attribute as it is at present."""

    __tablename__ = "record"

    record_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, server_default=text("uuidv7()"))
    version: Mapped[int] = mapped_column(Integer)
    identity_id: Mapped[UUID] = mapped_column(Uuid)
    key: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    search: Mapped[list[str] | None] = mapped_column(ARRAY(Text))

    __table_args__ = (
        Index(None, "identity_id", "key"),
        Index("ix_record_search", "search", postgresql_using="gin", postgresql_where=text("search IS NOT NULL")),
    )


class RecordVersion(_Content, Base):
    """A record as it is or was once; the last one of a record that was deleted says so."""

    __tablename__ = "record_version"

    record_id: Mapped[UUID] = mapped_column(ForeignKey("record.record_id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)


class RecordGrant(Base):
    """That the owner of records lets another customer use those of a key for a time."""

    __tablename__ = "record_grant"

    grant_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, server_default=text("uuidv7()"))
    owner: Mapped[UUID] = mapped_column(Uuid)
    grantee: Mapped[UUID] = mapped_column(Uuid)
    key: Mapped[str] = mapped_column(Text)
    until: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    note: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    created_by: Mapped[str] = mapped_column(Text)
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    revoked_by: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        Index("ix_record_grant_owner", "owner", "key"),
        Index("ix_record_grant_grantee", "grantee"),
    )


class RecordUse(Base):
    """That records were read by virtue of a grant."""

    __tablename__ = "record_use"

    use_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, server_default=text("uuidv7()"))
    grant_id: Mapped[UUID] = mapped_column(ForeignKey("record_grant.grant_id", ondelete="CASCADE"))
    used_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    used_by: Mapped[str] = mapped_column(Text)

    __table_args__ = (Index("ix_record_use_grant_id", "grant_id", "use_id"),)
