"""What segment rules read beyond orders."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, Integer, Numeric, SmallInteger
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from segment_service.models.base import Base


class Event(Base):
    """What an identity did, once, with the leaves of its properties by dotted path (`events.rules.stored`).

    Not partitioned: a profile's events are then one index scan for each identity, whatever the years, and planning two
    hundred segments does not look at every month. What reads by time or by change reads column files; these are kept
    up by block ranges, which cost an insert next to nothing because rows come in the order of both.
    """

    __tablename__ = "event"
    __table_args__ = (
        Index("ix_event_version", "version", postgresql_using="brin", postgresql_with={"autosummarize": True}),
        Index("ix_event_occurred_at", "occurred_at", postgresql_using="brin", postgresql_with={"autosummarize": True}),
    )

    identity_id: Mapped[UUID] = mapped_column(primary_key=True)
    occurred_at: Mapped[datetime] = mapped_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str]
    channel: Mapped[str | None]
    direction: Mapped[str | None]
    values: Mapped[dict[str, Any]] = mapped_column(JSONB)


class PurchaseLine(Base):
    """A line of an order as the newest report that names lines has it; `said_at`, `step` and `digest` rank reports."""

    __tablename__ = "purchase_line"

    identity_id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[str] = mapped_column(primary_key=True)
    line: Mapped[int] = mapped_column(Integer, primary_key=True)
    said_at: Mapped[datetime]
    step: Mapped[int] = mapped_column(SmallInteger)
    digest: Mapped[bytes]
    product_id: Mapped[str | None]
    category: Mapped[str | None]
    price: Mapped[Decimal | None] = mapped_column(Numeric(18, 2))
    quantity: Mapped[Decimal] = mapped_column(Numeric(18, 3))


class ProfileCopy(Base):
    """A profile as profile-service answered when it was asked last."""

    __tablename__ = "profile_copy"

    profile_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    restricted: Mapped[bool]
    created_at: Mapped[datetime]
    read_at: Mapped[datetime]


class Trait(Base):
    """One leaf of a profile's current traits; `position` tells the values of a list apart."""

    __tablename__ = "trait"

    profile_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    text: Mapped[str | None]
    number: Mapped[Decimal | None] = mapped_column(Numeric(24, 6))
    flag: Mapped[bool | None]
    at: Mapped[datetime | None]


class Consent(Base):
    """Whether a profile may be contacted by its own word, the strictest of all its identities."""

    __tablename__ = "consent"

    profile_id: Mapped[UUID] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(primary_key=True)
    granted: Mapped[bool]
    until: Mapped[datetime | None]


class Relationship(Base):
    """That one identity's profile is to another's what `kind` says."""

    __tablename__ = "relationship"
    __table_args__ = (
        Index("ix_relationship_identity_id", "identity_id", "kind"),
        Index("ix_relationship_other_identity_id", "other_identity_id", "kind"),
    )

    relationship_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    identity_id: Mapped[UUID]
    other_identity_id: Mapped[UUID]
    since: Mapped[date | None]
    until: Mapped[date | None]


class UnreadProfile(Base):
    """A profile to be read from profile-service, now or when something of it expires; `version` marked it last."""

    __tablename__ = "unread_profile"
    __table_args__ = (Index("ix_unread_profile_due_at", "due_at"),)

    profile_id: Mapped[UUID] = mapped_column(primary_key=True)
    due_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(BigInteger)
