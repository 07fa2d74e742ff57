"""This service's copy of the map from identities to profiles."""

from uuid import UUID

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from interaction_service.models.base import Base


class MappedIdentity(Base):
    """One identity and the profile it belongs to, as of `version`.

    `seed_profile_id` is the id that a profile of this identity alone has; it answers for ever.
    """

    __tablename__ = "identity_map"

    identity_id: Mapped[UUID] = mapped_column(primary_key=True)
    profile_id: Mapped[UUID] = mapped_column(index=True)
    seed_profile_id: Mapped[UUID] = mapped_column(index=True)
    kind: Mapped[str]
    version: Mapped[int] = mapped_column(BigInteger)
