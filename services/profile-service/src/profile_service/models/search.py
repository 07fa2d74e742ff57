"""What searching by name rests on; all of it follows from facts and the map, and can be made anew from them."""

from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from profile_service.models.base import Base


class SearchName(Base):
    """The folded words of a profile's names, present and past; `current` are those of the present ones."""

    __tablename__ = "search_name"

    profile_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    words: Mapped[list[str]] = mapped_column(ARRAY(Text))
    current: Mapped[list[str]] = mapped_column(ARRAY(Text))

    __table_args__ = (Index("ix_search_name_words", "words", postgresql_using="gin"),)


class SearchWord(Base):
    """A word that occurs in names, how it sounds, and its letters in alphabetical order."""

    __tablename__ = "search_word"

    word: Mapped[str] = mapped_column(Text, primary_key=True)
    sound: Mapped[str] = mapped_column(Text)
    letters: Mapped[str] = mapped_column(Text)

    __table_args__ = (
        Index("ix_search_word_spelling", "word", postgresql_using="gin", postgresql_ops={"word": "gin_trgm_ops"}),
        Index("ix_search_word_sound", "sound"),
        Index("ix_search_word_letters", "letters"),
    )


class SearchPending(Base):
    """A change that the index has not seen yet: names of an identity, or the profile that an identity left."""

    __tablename__ = "search_pending"

    pending_id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    identity_id: Mapped[UUID | None] = mapped_column(Uuid)
    profile_id: Mapped[UUID | None] = mapped_column(Uuid)
