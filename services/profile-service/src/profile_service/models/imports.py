"""Lists taken in from elsewhere: what they are, their files while needed, who is on them, what was wrong with rows."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, DateTime, ForeignKey, Index, LargeBinary, Text, Uuid, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from profile_service.models.base import Base


class ListImport(Base):
    """A list: where it comes from, on what basis and for what it may be used, until when; how many rows were taken.

    Without a lawful basis, past `expires_at`, or for a purpose that is not among `permitted_uses`, nobody may be
    contacted merely because they are on it.
    """

    __tablename__ = "list_import"

    import_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, server_default=text("uuidv7()"))
    job_id: Mapped[UUID] = mapped_column(Uuid, unique=True)
    source: Mapped[str] = mapped_column(Text)
    lawful_basis: Mapped[str | None] = mapped_column(Text)
    permitted_uses: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    country: Mapped[str] = mapped_column(Text)
    date_format: Mapped[str | None] = mapped_column(Text)
    mapping: Mapped[dict[str, Any]] = mapped_column(JSONB)
    file_name: Mapped[str] = mapped_column(Text)
    file_size: Mapped[int] = mapped_column(BigInteger)
    file_format: Mapped[dict[str, Any]] = mapped_column(JSONB)
    rows: Mapped[int] = mapped_column(BigInteger, server_default="0")
    accepted: Mapped[int] = mapped_column(BigInteger, server_default="0")
    rejected: Mapped[int] = mapped_column(BigInteger, server_default="0")
    created_by: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class ListMembership(Base):
    """An identity is on a list."""

    __tablename__ = "list_membership"

    identity_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    import_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)


class ImportFilePart(Base):
    """A part of an uploaded file, kept until its job has ended, where any worker can take it up."""

    __tablename__ = "import_file_part"

    import_id: Mapped[UUID] = mapped_column(ForeignKey("list_import.import_id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class ImportFault(Base):
    """What was wrong with a row that was not taken; `row` counts from 1, `column` is null for the row as a whole."""

    __tablename__ = "import_fault"

    import_id: Mapped[UUID] = mapped_column(ForeignKey("list_import.import_id"), primary_key=True)
    row: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    column: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    value: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (Index("ix_import_fault_value", "created_at", postgresql_where=text("value IS NOT NULL")),)
