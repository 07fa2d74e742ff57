"""What customers bring."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, Numeric, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from segment_service.models.base import Base


class Influence(Base):
    """How many customers somebody brought, directly and down the chain, and what those count; only who brought any."""

    __tablename__ = "influence"
    __table_args__ = (Index("ix_influence_referral_value", "referral_value", "profile_id"),)

    profile_id: Mapped[UUID] = mapped_column(ForeignKey("customer.profile_id", ondelete="CASCADE"), primary_key=True)
    direct: Mapped[int] = mapped_column(Integer)
    referrals: Mapped[int] = mapped_column(Integer)
    referral_value: Mapped[Decimal] = mapped_column(Numeric(24, 2))


class InfluenceFollow(Base):
    """The one row of how far that is counted: up to a customer of a change, by some figures; `as_of` of all changes."""

    __tablename__ = "influence_follow"
    __table_args__ = (CheckConstraint("id = 1", "one_row"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, server_default="1", autoincrement=False)
    version: Mapped[int] = mapped_column(BigInteger)
    profile_id: Mapped[UUID]
    rules: Mapped[str]
    as_of: Mapped[datetime | None]
