"""Text that PostgreSQL can store."""

from typing import Annotated

from pydantic import AfterValidator


def clean_text(value: str) -> str:
    """`value` itself; raises `ValueError` for NUL and unpaired surrogates, which no text column and no UTF-8 holds."""
    if "\x00" in value:
        raise ValueError("Remove NUL characters.")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ValueError("Remove unpaired surrogates; this is not Unicode text.") from error
    return value


CleanText = Annotated[str, AfterValidator(clean_text)]
