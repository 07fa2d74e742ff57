"""The metadata of segment-service's database."""

from datetime import datetime
from uuid import UUID

from rapport.database import NAMING
from rapport.feed import common_tables
from rapport.privacy.tables import erasure_tables
from sqlalchemy import DateTime, MetaData, Sequence, Text
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import Uuid


class Base(DeclarativeBase):
    """All tables of this service."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {str: Text(), datetime: DateTime(timezone=True), UUID: Uuid()}


common_tables(Base.metadata)
erasure_tables(Base.metadata)

# Numbers the changes; drawn under the service's advisory lock, so that numbers grow in the order of commits.
Sequence("change_version", metadata=Base.metadata)
