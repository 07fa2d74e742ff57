"""What all tables share."""

from datetime import datetime
from uuid import UUID

from rapport.database import NAMING
from rapport.feed import common_tables
from rapport.privacy.tables import erasure_tables
from sqlalchemy import DateTime, MetaData, Text, Uuid
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    """Times carry a zone, texts have no length of their own."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: DateTime(timezone=True), str: Text(), UUID: Uuid()}


common_tables(Base.metadata)
erasure_tables(Base.metadata)
