"""The pages that customers see: no script, nothing loaded from elsewhere, readable with any program."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from html import escape
from typing import Final

from profile_service.consents.rules import GRANTED, PENDING, Entry
from profile_service.preferences.texts import LANGUAGES, Texts, label

_STYLE: Final = """
body { font: 1.05rem/1.5 system-ui, "Noto Sans TC", sans-serif; color: #1a1a1a; background: #fff; margin: 0 }
main { max-width: 46rem; margin: 2.5rem auto; padding: 0 1.25rem }
nav { display: flex; gap: 1rem; justify-content: flex-end; font-size: .95rem }
nav a { color: #0b57a4 } nav [aria-current] { font-weight: 600; color: #1a1a1a; text-decoration: none }
h1 { font-size: 1.7rem; margin: 1.2rem 0 .4rem }
table { border-collapse: collapse; width: 100%; margin: 1.2rem 0 }
th, td { text-align: left; vertical-align: top; padding: .7rem .6rem; border-bottom: 1px solid #d5d9de }
thead th { font-size: .95rem; color: #444 }
label { display: flex; gap: .55rem; align-items: flex-start }
input[type=checkbox] { width: 1.25rem; height: 1.25rem; margin: .15rem 0 0; accent-color: #0b57a4; flex: none }
th small { font-weight: 400 }
small { color: #4a4f55; display: block; line-height: 1.35 }
.note { border-left: 4px solid #e69f00; padding: .5rem .8rem; background: #fff7e6 }
.saved { border-left: 4px solid #00795c; padding: .5rem .8rem; background: #e8f6f1 }
button { font: inherit; padding: .65rem 1.3rem; border-radius: .3rem; border: 1px solid #0b57a4 }
button { margin: 0 .6rem .6rem 0 }
button.main { color: #fff; background: #0b57a4 } button.other { color: #0b57a4; background: #fff }
:focus-visible { outline: 3px solid #e69f00; outline-offset: 2px }
"""
Topic = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Choices:
    """What the page shows: the grid, the word that counts on each topic, and channels nobody is contacted on anyway."""

    channels: Sequence[str]
    purposes: Sequence[str]
    words: dict[Topic, Entry]
    suppressed: frozenset[str]
    restricted: bool
    time_zone: tzinfo


def choices(texts: Texts, shown: Choices, *, saved: bool) -> str:
    """The page with what the customer allows, as a form."""
    head = "".join(f'<th scope="col">{escape(label(each, texts.purposes))}</th>' for each in shown.purposes)
    rows = "".join(_row(texts, shown, channel) for channel in shown.channels)
    notes = f'<p class="saved" role="status">{escape(texts.saved)}</p>' if saved else ""
    if shown.restricted:
        notes += f'<p class="note">{escape(texts.restricted)}</p>'
    return _page(
        texts,
        texts.title,
        f"{notes}<p>{escape(texts.intro)}</p>"
        f'<form method="post"><input type="hidden" name="lang" value="{texts.tag}">'
        f'<table><thead><tr><th scope="col">{escape(texts.channel)}</th>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
        f'<button class="main" type="submit" name="action" value="save">{escape(texts.save)}</button>'
        f'<button class="other" type="submit" name="action" value="nothing">{escape(texts.nothing)}</button></form>',
    )


def confirmation(texts: Texts, channel: str, purpose: str) -> str:
    """The page that asks for the confirmation of one consent."""
    said = texts.confirm.format(channel=label(channel, texts.channels), purpose=label(purpose, texts.purposes))
    return _page(
        texts,
        texts.confirm_title,
        f'<p>{escape(said)}</p><form method="post"><input type="hidden" name="lang" value="{texts.tag}">'
        f'<button class="main" type="submit">{escape(texts.confirm_button)}</button></form>',
    )


def confirmed(texts: Texts) -> str:
    """The page after a confirmation."""
    return _page(texts, texts.confirmed_title, f"<p>{escape(texts.confirmed)}</p>")


def lost(texts: Texts) -> str:
    """The page for a link that is not ours, or too old."""
    return _page(texts, texts.lost_title, f"<p>{escape(texts.lost)}</p>")


def _row(texts: Texts, shown: Choices, channel: str) -> str:
    note = f"<small>{escape(texts.suppressed)}</small>" if channel in shown.suppressed else ""
    cells = "".join(_cell(texts, shown, (channel, purpose)) for purpose in shown.purposes)
    return f'<tr><th scope="row">{escape(label(channel, texts.channels))}{note}</th>{cells}</tr>'


def _cell(texts: Texts, shown: Choices, topic: Topic) -> str:
    word = shown.words.get(topic)
    ticked = " checked" if word is not None and word.status == GRANTED else ""
    name = f"{label(topic[0], texts.channels)}: {label(topic[1], texts.purposes)}"
    return (
        f'<td><label><input type="checkbox" name="allow" value="{escape("/".join(topic))}"{ticked} '
        f'aria-label="{escape(name)}"><small>{escape(_state(texts, shown, word))}</small></label></td>'
    )


def _state(texts: Texts, shown: Choices, word: Entry | None) -> str:
    if word is None:
        return texts.silent
    if word.status == PENDING:
        return texts.pending
    said = texts.granted if word.status == GRANTED else texts.refused
    return said.format(date=word.confirmed_at.astimezone(shown.time_zone).strftime(texts.date))


def _page(texts: Texts, title: str, body: str) -> str:
    return (
        f'<!doctype html>\n<html lang="{texts.tag}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="robots" content="noindex">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body><main>\n"
        f"<nav>{''.join(_languages(texts))}</nav>\n<h1>{escape(title)}</h1>\n{body}\n</main></body>\n</html>\n"
    )


def _languages(texts: Texts) -> Iterable[str]:
    for each in LANGUAGES:
        here = ' aria-current="true"' if each is texts else ""
        yield f'<a href="?lang={each.tag}" lang="{each.tag}" hreflang="{each.tag}"{here}>{each.name}</a>'
