"""An export for people and for programs: a page to read, and one JSON object a line."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

import msgspec

from profile_service.privacy.repository import Request

_STYLE: Final = """
body { font: 1rem/1.5 system-ui, "Noto Sans TC", sans-serif; color: #1a1a1a; margin: 2rem auto; max-width: 70rem }
body { padding: 0 1rem } h2 { border-bottom: 2px solid #0b57a4; padding-bottom: .2rem; margin-top: 2.5rem }
dl { display: grid; grid-template-columns: minmax(9rem, max-content) 1fr; gap: .15rem 1rem; margin: 0 }
dt { color: #4a4f55 } dd { margin: 0; overflow-wrap: anywhere; white-space: pre-wrap }
article { border: 1px solid #d5d9de; border-radius: .3rem; padding: .7rem .9rem; margin: .7rem 0 }
"""
_NAMES: Final = {
    "profile": "Who you are: identifiers, what is known of you, what you allow",
    "interaction": "What was said and done: contacts, conversations, complaints",
    "campaign": "What we sent you, and why",
    "segment": "How we class you: orders, value, stage",
}


def whole(request: Request, services: Mapping[str, Any]) -> bytes:
    """The export as one JSON document."""
    return msgspec.json.encode({"request_id": request.request_id, "created_at": request.created_at, **services})


def lines(services: Mapping[str, Mapping[str, Sequence[Any]]]) -> bytes:
    """One record a line (NDJSON): the service, the kind of record, and the record."""
    records = (
        msgspec.json.encode({"service": service, "kind": kind, "record": each})
        for service, sections in services.items()
        for kind, rows in sections.items()
        for each in rows
    )
    return b"".join(each + b"\n" for each in records)


def page(request: Request, services: Mapping[str, Mapping[str, Sequence[Any]]]) -> str:
    """The export as a page that needs nothing else."""
    body = "".join(_service(name, sections) for name, sections in services.items())
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Everything we hold about you</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>Everything we hold about you</h1>\n<p>As of {request.created_at:%d %B %Y %H:%M} UTC.</p>\n"
        f"{body}</body>\n</html>\n"
    )


def _service(name: str, sections: Mapping[str, Sequence[Any]]) -> str:
    parts = "".join(
        f"<h3>{escape(kind.replace('_', ' ').capitalize())} ({len(rows)})</h3>\n{''.join(map(_record, rows))}"
        for kind, rows in sections.items()
    )
    return f"<h2>{escape(_NAMES.get(name, name))}</h2>\n{parts or '<p>Nothing.</p>'}\n"


def _record(record: Mapping[str, Any]) -> str:
    return f"<article><dl>{''.join(_field(*each) for each in record.items() if each[1] is not None)}</dl></article>\n"


def _field(name: str, value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.format(msgspec.json.encode(value), indent=1).decode()
    return f"<dt>{escape(name.replace('_', ' '))}</dt><dd>{escape(text)}</dd>"
