"""What keeps customers from being contacted, or waits for their word."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, DateTime, Index, LargeBinary, Text, Uuid, func, text
from sqlalchemy.orm import Mapped, mapped_column

from profile_service.models.base import Base


class OptIn(Base):
    """A grant that counts for nothing until the customer confirms it by the link sent to them."""

    __tablename__ = "opt_in"

    opt_in_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, server_default=text("uuidv7()"))
    identity_id: Mapped[UUID] = mapped_column(Uuid)
    channel: Mapped[str] = mapped_column(Text)
    purpose: Mapped[str] = mapped_column(Text)
    lawful_basis: Mapped[str | None] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    proof: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    confirmed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    recorded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (Index(None, "identity_id", "channel", "purpose"),)


class HashedSuppression(Base):
    """Do not contact whoever has this identifier, known by a keyed hash alone.

    From a do-not-call registry, whose numbers are nobody's business here, or left of an entry whose person was erased.
    """

    __tablename__ = "hashed_suppression"

    suppression_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, server_default=text("uuidv7()"))
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    kind: Mapped[str] = mapped_column(Text)
    channel: Mapped[str | None] = mapped_column(Text)
    registry_key: Mapped[str | None] = mapped_column("registry", Text)
    reason: Mapped[str | None] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    jurisdiction: Mapped[str | None] = mapped_column(Text)
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    batch: Mapped[UUID | None] = mapped_column(Uuid)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        Index(
            "uq_hashed_suppression",
            "digest",
            "channel",
            "registry",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        Index(None, "registry", postgresql_where=text("registry IS NOT NULL")),
    )


class Registry(Base):
    """A do-not-call list of some jurisdiction, as imported last."""

    __tablename__ = "suppression_registry"

    registry_key: Mapped[str] = mapped_column("registry", Text, primary_key=True)
    jurisdiction: Mapped[str] = mapped_column(Text)
    channels: Mapped[list[str]] = mapped_column(ARRAY(Text))
    entries: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    imported_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    imported_by: Mapped[str] = mapped_column(Text)


class Restriction(Base):
    """The customer asked that their data be kept and not used (restriction of processing), until it is lifted."""

    __tablename__ = "restriction"

    identity_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    request_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    since: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    lifted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (Index(None, "request_id"),)
