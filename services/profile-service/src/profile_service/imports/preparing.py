"""A file taken apart into batches of people, away from the loop that answers requests.

A long file is read by a process of its own, so that reading and writing each have a processor and nobody's request
waits for either; a short one by a thread.
"""

import asyncio
import base64
import pickle
import struct
import sys
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import suppress
from typing import BinaryIO, Final

import msgspec

from profile_service.attributes.rules import Catalogue
from profile_service.imports.files import FileFormat, UnreadableFile
from profile_service.imports.reading import rows_of
from profile_service.imports.rules import Column, Fault, Identity, Reader
from profile_service.ledger.guards import Guards

ROWS_AT_ONCE: Final = 2_000
PROCESS_FROM: Final = 4 << 20
_length = struct.Struct(">I")


class Work(msgspec.Struct, frozen=True):
    """What is to be read, and how."""

    how: FileFormat
    columns: list[Column]
    country: str
    guards: Guards
    defined: Catalogue
    skip: int
    date_format: str | None = None


class Batch(msgspec.Struct, array_like=True):
    """Rows up to number `last`: people with their row numbers, their values key by key, and faults by row number."""

    last: int
    numbers: list[int]
    identities: list[list[Identity]]
    values: list[list[str | None]]
    faults: list[tuple[int, list[Fault]]]
    unreadable: str | None = None


_encode = msgspec.msgpack.Encoder(uuid_format="bytes").encode
_decode = msgspec.msgpack.Decoder(Batch).decode


def batches(work: Work, file: BinaryIO, size: int = ROWS_AT_ONCE) -> Iterator[Batch]:
    """The file's rows after those to skip, some at a time; what cannot be read further is said in the last batch."""
    reader = Reader(work.columns, work.country, work.guards, work.defined, work.date_format)
    keys = keys_of(work.columns)
    last, batch = work.skip, _empty(work.skip, len(keys))
    try:
        for row in rows_of(file, work.how, [each.name for each in work.columns], work.skip):
            last = row.number
            found = [Fault(None, row.fault, None)] if row.fault is not None else reader.read(row.values)
            if isinstance(found, list):
                batch.faults.append((row.number, found))
            else:
                batch.numbers.append(row.number)
                batch.identities.append(list(found.identities))
                for column, key in zip(batch.values, keys, strict=True):
                    column.append(found.facts.get(key))
            if len(batch.numbers) + len(batch.faults) >= size:
                batch.last = last
                yield batch
                batch = _empty(last, len(keys))
    except UnreadableFile as error:
        batch.unreadable = error.detail
    if batch.numbers or batch.faults or batch.unreadable:
        batch.last = last
        yield batch


def keys_of(columns: Sequence[Column]) -> list[str]:
    """Keys of facts in the order in which a batch has their values."""
    return list(dict.fromkeys(each.key for each in columns if each.role != "identifier"))


def _empty(last: int, width: int) -> Batch:
    return Batch(last, [], [], [[] for _ in range(width)], [])


async def prepared(work: Work, file: BinaryIO, length: int) -> AsyncGenerator[Batch, None]:
    """The batches of a file of `length` bytes, each read while the one before is being dealt with."""
    source = _from_process(work, file) if length >= PROCESS_FROM else _from_thread(work, file)
    ahead = asyncio.ensure_future(anext(source, None))
    try:
        while (batch := await ahead) is not None:
            ahead = asyncio.ensure_future(anext(source, None))
            yield batch
    finally:
        ahead.cancel()
        await asyncio.gather(ahead, return_exceptions=True)
        await source.aclose()


async def _from_thread(work: Work, file: BinaryIO) -> AsyncGenerator[Batch, None]:
    source = batches(work, file)
    while (batch := await _uninterrupted(source)) is not None:
        yield batch


async def _uninterrupted(source: Iterator[Batch]) -> Batch | None:
    """The next batch; who is cancelled meanwhile waits for the thread, which has the file."""
    reading = asyncio.ensure_future(asyncio.to_thread(next, source, None))
    try:
        return await asyncio.shield(reading)
    except asyncio.CancelledError:
        await asyncio.wait([reading])
        raise


async def _from_process(work: Work, file: BinaryIO) -> AsyncGenerator[Batch, None]:
    file.seek(0)
    task = base64.b64encode(pickle.dumps(work)).decode()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "profile_service.imports.preparing", task),
        stdin=file,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 22,
    )
    pipe = process.stdout
    assert pipe is not None  # noqa: S101  asked for above
    try:
        while size := _length.unpack(await pipe.readexactly(_length.size))[0]:
            yield _decode(await pipe.readexactly(size))
    except asyncio.IncompleteReadError as error:
        raise RuntimeError(f"the process that reads the file ended with {await process.wait()}") from error
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def main(task: str) -> None:
    """Read the file on standard input and write its batches to standard output, until nobody takes them any more."""
    work: Work = pickle.loads(base64.b64decode(task))  # noqa: S301  from the service that started us
    with open(0, "rb", closefd=False) as file, open(1, "wb", closefd=False) as out, suppress(BrokenPipeError):
        for batch in batches(work, file):
            frame = _encode(batch)
            out.write(_length.pack(len(frame)))
            out.write(frame)
            out.flush()
        out.write(_length.pack(0))
        out.flush()


if __name__ == "__main__":
    main(sys.argv[1])
