"""Liquid into subject, HTML and text for one person, within limits; which language somebody gets."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache, wraps
from typing import Any, NamedTuple

import css_inline
from liquid import Environment, Undefined
from liquid.exceptions import LiquidError
from liquid.template import BoundTemplate

from campaign_service.content.schemas import Content, TemplateBody

LOOP_LIMIT = 10_000
OUTPUT_LIMIT = 400_000
VARIABLE_LIMIT = 100_000
SUBJECT_LIMIT = 500

_control = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_inliner = css_inline.CSSInliner(load_remote_stylesheets=False, keep_at_rules=True)


class ContentError(ValueError):
    """A template that is not valid Liquid or goes beyond the limits; `part` is subject, html or text."""

    def __init__(self, part: str, detail: str) -> None:
        super().__init__(f"{part}: {detail}")
        self.part = part
        self.detail = detail


class Message(NamedTuple):
    """What one person gets."""

    subject: str
    html: str | None
    text: str | None


class _Limited(Environment):
    loop_iteration_limit = LOOP_LIMIT
    output_stream_limit = OUTPUT_LIMIT
    local_namespace_limit = VARIABLE_LIMIT
    context_depth_limit = 20

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        """The standard tags and filters, less what reads other templates; filters that make text grow are bounded."""
        super().setup_tags_and_filters(extra=extra)
        for tag in ("include", "render"):
            self.tags.pop(tag, None)
        for name in ("append", "prepend", "replace", "replace_first", "replace_last", "join", "times", "date"):
            self.filters[name] = _bounded(name, self.filters[name])


def _bounded(name: str, apply: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(apply)  # the engine's marks on the filter included
    def bounded(value: Any, *arguments: Any, **options: Any) -> Any:
        size = _size(value) + sum(_size(each) for each in arguments)
        if name == "replace" and arguments:
            size = (_size(value) + 1) * (1 + _size(arguments[-1]))
        elif name == "join":
            size = len(value) * (1 + sum(_size(each) for each in arguments)) if isinstance(value, list) else size
        elif name == "date":
            size = OUTPUT_LIMIT + 1 if any(_size(each) > 200 or _wide(each) for each in arguments) else 0
        if size > OUTPUT_LIMIT:
            raise LiquidError(f"{name} would make more than {OUTPUT_LIMIT} characters", token=None)
        return apply(value, *arguments, **options)

    return bounded


def _size(value: object) -> int:
    if isinstance(value, str):
        return len(value)
    return value.bit_length() if isinstance(value, int) else 0


def _wide(value: object) -> bool:
    return isinstance(value, str) and re.search(r"%[^a-zA-Z%]*\d{3}", value) is not None


@lru_cache(maxsize=1)
def _environments() -> tuple[Environment, Environment]:
    """The environments of HTML, in which values are escaped, and of plain text."""
    return _Limited(autoescape=True), _Limited(autoescape=False)


@lru_cache(maxsize=512)
def _parsed(source: str, html: bool) -> BoundTemplate:
    return _environments()[0 if html else 1].from_string(source)


@contextmanager
def _reported(part: str) -> Iterator[None]:
    try:
        yield
    except LiquidError as error:
        raise ContentError(part, str(error.args[0] if error.args else type(error).__name__)) from error
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise ContentError(part, f"{type(error).__name__}: {error}") from error


def check(body: TemplateBody) -> list[tuple[str, ContentError]]:
    """What is wrong with a template, each with the pointer to it."""
    faults: list[tuple[str, ContentError]] = []
    contents = [("", body), *((f"/translations/{key}", each) for key, each in body.translations.items())]
    for pointer, content in contents:
        for part, source in _parts(content):
            try:
                with _reported(part):
                    _parsed(source, part == "html")
            except ContentError as error:
                faults.append((f"{pointer}/{part}", error))
    return faults


def _parts(content: Content) -> list[tuple[str, str]]:
    parts = [("subject", content.subject), ("html", content.html), ("text", content.text)]
    return [(part, source) for part, source in parts if source]


def choose(body: TemplateBody, language: str | None) -> tuple[str, Content]:
    """The content for somebody who speaks `language`: RFC 4647 look-up, else the default."""
    offered: dict[str, tuple[str, Content]] = {body.language.lower(): (body.language, body)}
    offered |= {key.lower(): (key, content) for key, content in body.translations.items()}
    wanted = (language or "").lower()
    while wanted:
        if wanted in offered:
            return offered[wanted]
        wanted = wanted.rpartition("-")[0]
    return offered[body.language.lower()]


def render(content: Content, variables: Mapping[str, Any]) -> Message:
    """The message with every variable filled in; one without a value is empty. Raises `ContentError`."""
    with _reported("subject"):
        subject = _control.sub(" ", _parsed(content.subject, False).render(**variables)).strip()[:SUBJECT_LIMIT]
    html = text = None
    if content.html:
        with _reported("html"):
            html = _inlined(_parsed(content.html, True).render(**variables))
    if content.text:
        with _reported("text"):
            text = _parsed(content.text, False).render(**variables)
    return Message(subject, html, text)


def _inlined(html: str) -> str:
    # Mail programs drop style sheets; a message without one is left as its author wrote it.
    return _inliner.inline(html) if "<style" in html else html


def missing(content: Content, variables: Mapping[str, Any]) -> list[str]:
    """Names of the variables that the message uses and that have no value."""
    absent: set[str] = set()
    for part, source in _parts(content):
        with _reported(part):
            used = _parsed(source, part == "html").analyze(include_partials=False).globals
        for found in used.values():
            for variable in found:
                path = [each for each in variable.segments if isinstance(each, str | int)]
                if len(path) == len(variable.segments) and not _present(path, variables):
                    absent.add(".".join(str(each) for each in path))
    return sorted(absent)


def _present(path: list[str | int], variables: Any) -> bool:
    for key in path:
        if isinstance(variables, Mapping) and key in variables:
            variables = variables[key]
        elif key in {"size", "first", "last"} and isinstance(variables, list | str):
            return True
        elif isinstance(key, int) and isinstance(variables, list) and -len(variables) <= key < len(variables):
            variables = variables[key]
        else:
            return False
    return variables is not None and not isinstance(variables, Undefined)


def variables(
    profile: Mapping[str, Any],
    campaign: Mapping[str, Any],
    offer: Mapping[str, Any] | None,
    unsubscribe_url: str,
) -> dict[str, Any]:
    """What a template can name."""
    return {
        "profile": dict(profile),
        "campaign": dict(campaign),
        "offer": dict(offer or {}),
        "unsubscribe_url": unsubscribe_url,
    }
