"""The metadata of campaign-service's database."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from rapport.database import NAMING
from rapport.feed import common_tables
from rapport.privacy.tables import erasure_tables
from rapport.signing import secret_table
from sqlalchemy import DateTime, MetaData, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column
from sqlalchemy.types import Uuid


class Base(DeclarativeBase):
    """All tables of this service."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {
        str: Text(),
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB(none_as_null=True),
        list[Any]: JSONB(none_as_null=True),
        UUID: Uuid(),
    }


NewId = Annotated[UUID, mapped_column(primary_key=True, server_default=text("uuidv7()"))]
Now = Annotated[datetime, mapped_column(server_default=func.now())]

common_tables(Base.metadata)
erasure_tables(Base.metadata)
secret_table(Base.metadata)
