"""Reading the form of an upload: the file as it comes, however long, and the specification checked against it."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final

from fastapi import Request
from pydantic import ValidationError
from rapport.errors import Invalid, pointer
from rapport.idempotency import known_by, wanted
from starlette.datastructures import FormData, UploadFile
from starlette.types import Message

from profile_service.imports.errors import FileTooLarge
from profile_service.imports.files import FileFormat, recognise
from profile_service.imports.schemas import Spec

_SPEC_BYTES: Final = 1 << 20
_BLOCK: Final = 1 << 20
_NAMES: Final = frozenset({"given_name", "family_name", "display_name"})


@dataclass(frozen=True, slots=True)
class Upload:
    """A file, what it is called and how it is read, and what is said of it."""

    file: BinaryIO
    name: str
    size: int
    how: FileFormat
    spec: Spec


@asynccontextmanager
async def uploaded(request: Request, country: str, largest: int) -> AsyncIterator[Upload]:
    """The upload in the form of `request`; raises `Invalid` with a pointer to each fault, or `FileTooLarge`.

    `country` is where the list comes from if it does not say.
    """
    counted = _counted(request, largest)
    async with counted.form(max_files=2, max_fields=2, max_part_size=_SPEC_BYTES) as form:
        part, spec = _file(form), await _spec(form)
        if wanted(request):
            known_by(request, await asyncio.to_thread(_digest, part.file, spec))
        charset = _charset(part)
        how = await asyncio.to_thread(recognise, part.file, list(spec.mapping), spec.country or country, charset)
        _check_columns(spec, how)
        yield Upload(part.file, (part.filename or "")[:200], part.size or 0, how, spec)


def _counted(request: Request, largest: int) -> Request:
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > largest + _SPEC_BYTES:
        raise _too_large(largest)
    received = 0

    async def receive() -> Message:
        nonlocal received
        message = await request.receive()
        received += len(message.get("body", b""))
        if received > largest + _SPEC_BYTES:
            raise _too_large(largest)
        return message

    return Request(request.scope, receive)


def _too_large(largest: int) -> FileTooLarge:
    return FileTooLarge(f"Send at most {largest:,} bytes at a time, as several files if need be.")


def _file(form: FormData) -> UploadFile:
    part = form.get("file")
    if not isinstance(part, UploadFile):
        detail = "Send the list as the part `file` of multipart/form-data."
        raise Invalid(detail, errors=[{"pointer": "/file", "detail": detail}])
    return part


async def _spec(form: FormData) -> Spec:
    part = form.get("spec")
    if isinstance(part, UploadFile):
        part = (await part.read(_SPEC_BYTES)).decode("utf-8", "replace")
    if part is None:
        detail = "Send what the list is as the part `spec`, a JSON object."
        raise Invalid(detail, errors=[{"pointer": "/spec", "detail": detail}])
    try:
        spec = Spec.model_validate_json(part)
    except ValidationError as error:
        errors = [
            {"pointer": "/spec" + pointer([place for place in each["loc"] if place != "[key]"]), "detail": each["msg"]}
            for each in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise Invalid(
            "; ".join(f"{each['pointer']}: {each['detail']}" for each in errors[:5]), errors=errors
        ) from error
    _check_mapping(spec)
    return spec


def _check_mapping(spec: Spec) -> None:
    errors, taken = [], dict[str, str]()
    for each in spec.columns:
        if each.role == "identifier":
            continue
        if each.key in taken:
            detail = f"The column {taken[each.key]!r} is mapped to {each.key} already."
            errors.append({"pointer": "/spec/mapping" + pointer([each.name]), "detail": detail})
        taken.setdefault(each.key, each.name)
    keys = {each.key for each in spec.columns if each.role != "identifier"}
    known = keys & (_NAMES | {"email", "phone"}) or any(key.startswith("address.") for key in keys)
    if not known and not any(each.role == "identifier" for each in spec.columns):
        detail = "Map at least one column to an identifier, a name or a part of an address."
        errors.append({"pointer": "/spec/mapping", "detail": detail})
    if errors:
        raise Invalid("; ".join(each["detail"] for each in errors[:5]), errors=errors)


def _check_columns(spec: Spec, how: FileFormat) -> None:
    errors = []
    for name in spec.mapping:
        times = how.columns.count(name)
        if how.format == "parquet" and not times:
            times = how.columns.count(name.partition(".")[0])
        if times != 1:
            detail = "The file has it more than once; give one of them another name." if times else _has(name, how)
            errors.append({"pointer": "/spec/mapping" + pointer([name]), "detail": detail[:500]})
    if errors:
        named = ", ".join(repr(each["pointer"].rpartition("/")[2]) for each in errors[:5])
        raise Invalid(f"Columns that cannot be read: {named}.", errors=errors)


def _has(name: str, how: FileFormat) -> str:
    alike = [each for each in how.columns if each.casefold() == name.strip().casefold()]
    if alike:
        return f"The file has no such column, but {alike[0]!r}."
    return f"The file has no such column; it has: {', '.join(how.columns[:20])}"


def _charset(part: UploadFile) -> str | None:
    """The encoding that the caller names in the part's own media type."""
    for parameter in (part.content_type or "").split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"') or None
    return None


def _digest(file: BinaryIO, spec: Spec) -> bytes:
    file.seek(0)
    digest = hashlib.sha256()
    while block := file.read(_BLOCK):
        digest.update(block)
    digest.update(spec.model_dump_json().encode())
    return digest.digest()
