"""The metadata of this service's database."""

from rapport.database import NAMING
from rapport.feed import common_tables
from rapport.privacy.tables import erasure_tables
from rapport.signing import secret_table
from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    """Every table of the profile database."""

    metadata = MetaData(naming_convention=NAMING)


common_tables(Base.metadata)
erasure_tables(Base.metadata)
secret_table(Base.metadata)
