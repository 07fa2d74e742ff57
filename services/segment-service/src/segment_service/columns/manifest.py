"""Which files hold the relations, as of which change: pure bookkeeping, written down in one small file."""

from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

import msgspec

NAME: Final = "relations.json"
# A delta is folded into its base when it has grown past this share of it; small ones are left in peace.
SHARE: Final = 0.1
SMALL: Final = 20_000


class Part(msgspec.Struct, frozen=True):
    """Files of a relation, or of a month of one: `base`, and what came since.

    Rows in `rows` are added to those of `base` whose key is not in `keys`. `made` is the change up to which the base
    was read from the tables; `signature` stands for its columns.
    """

    base: str
    made: int
    count: int
    signature: str
    rows: str | None = None
    keys: str | None = None
    changed: int = 0

    @property
    def grown(self) -> bool:
        """Whether the delta is due to be folded into the base."""
        return self.changed > max(SMALL, self.count * SHARE)

    @property
    def files(self) -> list[str]:
        """Names of all files."""
        return [each for each in (self.base, self.rows, self.keys) if each is not None]


class Manifest(msgspec.Struct, frozen=True):
    """All parts as of the change `version`, and of a moment."""

    version: int = -1
    as_of: datetime | None = None
    parts: dict[str, Part] = {}

    @property
    def files(self) -> set[str]:
        """Names of all files."""
        return {each for part in self.parts.values() for each in part.files}


def load(folder: Path) -> Manifest:
    """What is written down; nothing if it is missing, cannot be read, or a file of it is lost."""
    try:
        found = msgspec.json.decode((folder / NAME).read_bytes(), type=Manifest)
    except (FileNotFoundError, msgspec.MsgspecError):
        return Manifest()
    kept = {name: part for name, part in found.parts.items() if all((folder / each).exists() for each in part.files)}
    return found if len(kept) == len(found.parts) else Manifest()


def save(folder: Path, manifest: Manifest, before: Manifest) -> None:
    """Write down what holds from now on, at once or not at all.

    Files that it does without, which somebody may be reading, count as new from this moment.
    """
    kept = manifest.files
    for name in before.files - kept:
        (folder / name).touch()
    unfinished = folder / f"{NAME}.{uuid4().hex}.tmp"
    unfinished.write_bytes(msgspec.json.encode(manifest))
    unfinished.replace(folder / NAME)
