"""The table of erasures done."""

from sqlalchemy import Column, DateTime, Integer, MetaData, Table, Text, Uuid, func
from sqlalchemy.dialects.postgresql import JSONB


def erasure_tables(metadata: MetaData) -> None:
    """Add the table that makes an erasure asked for twice one erasure; it holds counts and nobody's data."""
    Table(
        "erasure",
        metadata,
        Column("request_id", Uuid, primary_key=True),
        Column("round", Integer, primary_key=True),
        Column("counts", JSONB, nullable=False),
        Column("scanned", Text, nullable=False),
        Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    )
