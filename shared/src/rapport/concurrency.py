"""ETag and If-Match for documents that people edit."""

from fastapi import Request

from rapport.errors import Stale


def etag(version: int | str) -> str:
    """The strong entity tag of a document's version."""
    return f'"{version}"'


def check_if_match(request: Request, version: int | str) -> None:
    """Raise `Stale` when the caller read another version; no header means the caller does not mind."""
    header = request.headers.get("if-match")
    if header is None or header.strip() == "*":
        return
    if etag(version) not in {part.strip().removeprefix("W/") for part in header.split(",")}:
        raise Stale(f"The document is now at {etag(version)}; read it again and repeat the change.")
