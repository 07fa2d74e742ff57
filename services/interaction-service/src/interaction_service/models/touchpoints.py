"""Every contact, under the identity it was observed with."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from interaction_service.models.base import Base


class Touchpoint(Base):
    """One contact. Its key is also the order in which a customer's history is read, so it needs no second index."""

    __tablename__ = "touchpoint"
    __table_args__ = {"postgresql_partition_by": "RANGE (occurred_at)"}

    identity_id: Mapped[UUID] = mapped_column(primary_key=True)
    occurred_at: Mapped[datetime] = mapped_column(primary_key=True)
    touchpoint_id: Mapped[UUID] = mapped_column(primary_key=True)
    received_at: Mapped[datetime]
    type: Mapped[str]
    name: Mapped[str | None]
    channel: Mapped[str]
    direction: Mapped[str]
    source: Mapped[str]
    message_id: Mapped[str | None]
    # json keeps the text as it came and costs less to take in than jsonb.
    data: Mapped[str] = mapped_column(JSON)
    context: Mapped[str | None] = mapped_column(JSON)


class CollectedMessage(Base):
    """Message ids already taken, by their hash: a unique key on the partitioned table would need the time in it."""

    __tablename__ = "collected_message"
    # Rows come in order of time, so a block range index finds the old ones and costs an insert nothing.
    __table_args__ = (Index(None, "received_at", postgresql_using="brin"),)

    key: Mapped[UUID] = mapped_column(primary_key=True)
    touchpoint_id: Mapped[UUID]
    received_at: Mapped[datetime]


class Rollup(Base):
    """How many touchpoints an identity has by channel and type, and the first and last of them."""

    __tablename__ = "touchpoint_rollup"
    __table_args__ = {"postgresql_with": {"fillfactor": 80}}

    identity_id: Mapped[UUID] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
