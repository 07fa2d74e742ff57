"""An e-mail as bytes, safe whatever is in the text that went into it."""

import re
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from html.parser import HTMLParser
from typing import NamedTuple
from uuid import UUID

from campaign_service.content.rules import Message

_POLICY = SMTP.clone(max_line_length=200)
_BREAKS = {"p", "br", "div", "tr", "li", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "blockquote"}
_SILENT = {"style", "script", "head", "title"}


class Sender(NamedTuple):
    """Who a message is from: display name (may be empty) and address."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        """Right-hand side of message ids."""
        return self.address.rpartition("@")[2] or "localhost"


class Envelope(NamedTuple):
    """What the mail server is told, and the message itself."""

    sender: str
    recipient: str
    content: bytes
    needs_utf8: bool


class AddressInvalid(ValueError):
    """The recipient's address cannot be written into a message."""


def sender_of(configured: str) -> Sender:
    """The sender named in the settings; raises `ValueError`."""
    name, address = parseaddr(configured)
    if "@" not in address:
        raise ValueError(f"CAMPAIGN_MAIL_FROM holds no address: {configured!r}")
    return Sender(name, address)


def message_id(send_id: UUID, sender: Sender) -> str:
    """The same for every attempt of one send, so that a mailbox can tell repetitions."""
    return f"<{send_id}@{sender.domain}>"


def compose(
    message: Message,
    sender: Sender,
    recipient: str,
    display_name: str | None,
    send_id: UUID,
    unsubscribe_url: str,
) -> Envelope:
    """The message with one-click unsubscription (RFC 8058), text and HTML; raises `AddressInvalid`."""
    local, _, domain = recipient.rpartition("@")
    try:
        domain = domain.encode("idna").decode()
    except UnicodeError as error:
        raise AddressInvalid(f"the domain {domain!r} cannot be written in DNS") from error
    if not local or not domain:
        raise AddressInvalid("an address has a local part and a domain")
    address = f"{local}@{domain}"
    mail = EmailMessage(_POLICY.clone(utf8=not local.isascii()))
    try:
        mail["From"] = Address(_one_line(sender.name), addr_spec=sender.address)
        mail["To"] = Address(_one_line(display_name or ""), addr_spec=address)
    except (ValueError, IndexError) as error:
        raise AddressInvalid(str(error)) from error
    mail["Subject"] = _one_line(message.subject)
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = message_id(send_id, sender)
    mail["List-Unsubscribe"] = f"<{unsubscribe_url}>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(message.text or as_text(message.html or ""), cte="quoted-printable")
    if message.html:
        mail.add_alternative(message.html, subtype="html", cte="quoted-printable")
    return Envelope(sender.address, address, mail.as_bytes(), not local.isascii())


def _one_line(value: str) -> str:
    """Without anything that could begin another header."""
    kept = "".join(each if each.isprintable() else " " for each in value)
    return " ".join(kept.split())[:500]


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0
        self._links: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        elif tag in _BREAKS:
            self.parts.append("\n")
        elif tag == "a":
            self._links.append(dict(attrs).get("href"))

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in _BREAKS:
            self.parts.append("\n")
        elif tag == "a" and self._links and (link := self._links.pop()):
            self.parts.append(f" ({link})")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(re.sub(r"\s+", " ", data))


def as_text(html: str) -> str:
    """The words of an HTML message with its links, for those who read plain text."""
    words = _Words()
    words.feed(html)
    words.close()
    lines = (line.strip() for line in "".join(words.parts).splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"
