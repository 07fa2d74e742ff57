"""The attributes that the firm defines."""

from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, Integer, Text, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from profile_service.models.base import Base


class _Defined:
    schema: Mapped[Any] = mapped_column(JSONB, nullable=False)
    label: Mapped[str | None] = mapped_column(Text)
    repeating: Mapped[bool]
    personal: Mapped[bool]
    searchable: Mapped[bool]
    survivorship: Mapped[Any | None] = mapped_column(JSONB)
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    changed_by: Mapped[str] = mapped_column(Text)


class Attribute(_Defined, Base):
    """An attribute as it is defined at present."""

    __tablename__ = "attribute"

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(Integer)


class AttributeVersion(_Defined, Base):
    """An attribute as it was defined once."""

    __tablename__ = "attribute_version"

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
