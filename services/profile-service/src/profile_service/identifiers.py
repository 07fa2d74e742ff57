"""Reading identifiers from requests."""

from collections.abc import Sequence
from typing import Final, Protocol

from rapport.errors import Invalid
from rapport.identity import Identifier, InvalidIdentifier, normalise

from profile_service.ledger.records import PROFILE

_RESERVED: Final = "This kind is the product's own; name a profile by its id in the path."


class Written(Protocol):
    """An identifier as a caller wrote it."""

    @property
    def kind(self) -> str: ...
    @property
    def value(self) -> str: ...


def read_identifier(written: Written, pointer: str, country: str | None) -> Identifier:
    """The canonical identifier; raises `Invalid` that points below `pointer`."""
    return read_identifiers([written], country, pointers=[pointer])[0]


def read_identifiers(
    written: Sequence[Written], country: str | None, *, pointers: Sequence[str] | None = None
) -> list[Identifier]:
    """Canonical identifiers in order, each once; raises `Invalid` with a pointer to each fault."""
    found: dict[Identifier, None] = {}
    errors: list[dict[str, str]] = []
    for index, each in enumerate(written):
        pointer = pointers[index] if pointers else f"/identifiers/{index}"
        try:
            if each.kind == PROFILE:
                raise InvalidIdentifier(_RESERVED, member="kind")
            found[Identifier(each.kind, normalise(each.kind, each.value, country=country))] = None
        except InvalidIdentifier as error:
            errors.append({"pointer": f"{pointer}/{error.member}", "detail": error.detail})
    if errors:
        raise Invalid("; ".join(f"{each['pointer']}: {each['detail']}" for each in errors), errors=errors)
    return list(found)
