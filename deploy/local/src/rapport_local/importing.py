"""`rapport import`: send a list to profile-service, watch it being taken in, keep what was wrong with it."""

import io
import json
import mimetypes
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import httpx
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from rapport_local.stack import home_folder

_LOOK_SECONDS: Final = 0.3
_ENDED: Final = frozenset({"succeeded", "failed", "cancelled"})
_MEDIA: Final = {".csv": "text/csv", ".tsv": "text/csv", ".txt": "text/csv", ".ndjson": "application/x-ndjson"}


class ImportFailed(RuntimeError):
    """The list was not taken in; the message says what to mend."""


class Importer:
    """Talks to the profile-service at `url` with `token`; both come from the running stack if not given."""

    def __init__(self, url: str | None, token: str | None, console: Console | None = None) -> None:
        token = token or os.environ.get("RAPPORT_TOKEN")
        if not (url and token):
            stack = _stack()
            url, token = url or stack["services"]["profile"], token or stack["admin_token"]
        self._client = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=httpx.Timeout(30, read=600)
        )
        self._console = console or Console(highlight=False, soft_wrap=True)

    def __enter__(self) -> "Importer":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def preview(self, file: Path, spec: Path, charset: str | None) -> int:
        """Show the first rows as they would be read; the exit code."""
        answer = self._send("/v1/imports/preview", file, spec, charset)
        self._say_format(answer["file_format"])
        table = Table("row", "identifiers", "traits", "faults")
        for row in answer["rows"]:
            table.add_row(
                str(row["row"]),
                "\n".join(f"{each['kind']}: {each['value']}" for each in row["identifiers"]),
                json.dumps(row["traits"], ensure_ascii=False) if row["traits"] else "",
                "\n".join(f"{each['column'] or 'row'}: {each['reason']}" for each in row["faults"]),
            )
        self._console.print(table)
        for each in answer["dates"]:
            many = f" ({', '.join(each['fitting'])})" if each["ambiguous"] else ""
            self._console.print(f"Dates in {each['column']}: {each['detail']}{many}", markup=False)
        if answer["unmapped"]:
            self._console.print("Columns not mapped: " + ", ".join(answer["unmapped"]), markup=False)
        return 0

    def run(self, file: Path, spec: Path, charset: str | None, errors: Path | None) -> int:
        """Import the list to its end; the exit code. Interrupted, it calls the import off."""
        started = self._send("/v1/imports", file, spec, charset)
        self._say_format(started["file_format"])
        try:
            done = self._watch(started)
        except KeyboardInterrupt:
            self._client.post(f"/v1/jobs/{started['job_id']}/cancel")
            self._console.print("Called off; rows taken in by then stay.")
            raise
        self._console.print(
            f"{done['state']}: {done['rows']:,} rows, {done['accepted']:,} accepted, {done['rejected']:,} rejected"
        )
        if done["rejected"]:
            self._keep_errors(done["id"], errors or file.with_name(file.name + ".errors.csv"))
        if done["state"] != "succeeded":
            raise ImportFailed(done["error"] or f"the import was {done['state']}")
        return 0

    def _send(self, path: str, file: Path, spec: Path, charset: str | None) -> dict[str, Any]:
        media = _MEDIA.get(file.suffix.lower()) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        try:
            said, source = spec.read_bytes(), file.open("rb")
        except OSError as error:
            raise ImportFailed(f"{error.filename}: {error.strerror}") from error
        with source, _bar(self._console, DownloadColumn()) as progress:
            task = progress.add_task("Sending", total=file.stat().st_size)
            watched = _Watched(source, lambda count: progress.advance(task, count))
            parts: list[tuple[str, Any]] = [
                ("spec", (None, said, "application/json")),
                ("file", (file.name, watched, f"{media}; charset={charset}" if charset else media)),
            ]
            try:
                response = self._client.post(path, files=parts)
            except httpx.TransportError as error:
                raise ImportFailed(f"{self._client.base_url} cannot be reached: {error}") from error
        return _answer(response)

    def _watch(self, started: Mapping[str, Any]) -> dict[str, Any]:
        with _bar(self._console, MofNCompleteColumn()) as progress:
            task = progress.add_task("Importing", total=None)
            while True:
                job = _answer(self._client.get(f"/v1/jobs/{started['job_id']}"))
                progress.update(task, completed=job["done"], total=job["total"])
                if job["state"] in _ENDED:
                    break
                time.sleep(_LOOK_SECONDS)
        return _answer(self._client.get(f"/v1/imports/{started['id']}"))

    def _keep_errors(self, import_id: str, path: Path) -> None:
        with self._client.stream("GET", f"/v1/imports/{import_id}/errors.csv") as response:
            if response.status_code != 200:
                response.read()
                _answer(response)
            with path.open("wb") as out:
                for part in response.iter_bytes():
                    out.write(part)
        self._console.print(f"Reasons by row and column: {path}", markup=False)

    def _say_format(self, how: Mapping[str, Any]) -> None:
        said = [how["format"]]
        if how["encoding"]:
            said.append(how["encoding"] + (" with byte order mark" if how["byte_order_mark"] else ""))
        if how["delimiter"]:
            said.append(f"delimiter {how['delimiter']!r}, quote {how['quote']!r}")
        self._console.print("Read as " + ", ".join(said), markup=False)


class _Watched(io.RawIOBase):
    """A file that tells how much of it was read."""

    def __init__(self, file: io.BufferedReader, told: Any) -> None:
        self._file = file
        self._told = told

    def read(self, size: int = -1) -> bytes:
        """Some bytes."""
        data = self._file.read(size)
        self._told(len(data))
        return data

    def fileno(self) -> int:
        """By which the length is found."""
        return self._file.fileno()

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place."""
        return self._file.seek(offset, whence)

    def seekable(self) -> bool:
        """Always."""
        return True

    def readable(self) -> bool:
        """Always."""
        return True


def _bar(console: Console, counter: DownloadColumn | MofNCompleteColumn) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), counter, TimeRemainingColumn(), console=console, transient=False
    )


def _answer(response: httpx.Response) -> dict[str, Any]:
    if response.is_success:
        answer: dict[str, Any] = response.json()
        return answer
    try:
        problem = response.json()
    except ValueError:
        problem = {"title": f"the service answered {response.status_code}"}
    lines = [problem.get("detail") or problem.get("title", "")]
    lines += [f"  {each['pointer']}: {each['detail']}" for each in problem.get("errors", ())]
    raise ImportFailed("\n".join(lines))


def _stack() -> dict[str, Any]:
    path = home_folder() / "stack.json"
    try:
        stack: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ImportFailed(
            f"no stack runs on {home_folder()}; start it with `make run`, or give --url and --token"
        ) from error
    return stack
