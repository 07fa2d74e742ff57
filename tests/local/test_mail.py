"""The mail sink keeps what it takes."""

import asyncio
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
from rapport_local.mail import MailSink


def message(number: int) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "shop@example.com", f"p{number}@example.com", "Tu mûri"
    made.set_content(f"Kính chào {number}\n.a line that begins with a dot\n")
    return made


async def test_every_message_is_a_file_when_it_is_taken(tmp_path: Path) -> None:
    sink = MailSink(tmp_path / "mail")
    await sink.start()
    try:
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=sink.port) as client:
            for number in range(3):
                await client.send_message(message(number))
                assert len(list(sink.folder.glob("*.eml"))) == number + 1
    finally:
        sink.stop()
    kept = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in sorted(sink.folder.iterdir())]
    assert [mail["X-Rcpt-To"] for mail in kept] == ["p0@example.com", "p1@example.com", "p2@example.com"]
    assert kept[1]["Subject"] == "Tu mûri"
    body = kept[1].get_body()
    assert body is not None
    assert body.get_content().splitlines() == ["Kính chào 1", ".a line that begins with a dot"]


async def test_takes_many_at_once(tmp_path: Path) -> None:
    sink = MailSink(tmp_path / "mail")
    await sink.start()
    try:
        await asyncio.gather(
            *(aiosmtplib.send(message(number), hostname="127.0.0.1", port=sink.port) for number in range(20))
        )
    finally:
        sink.stop()
    assert len(list(sink.folder.glob("*.eml"))) == 20
