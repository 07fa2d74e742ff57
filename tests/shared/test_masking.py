"""What must not be readable in a log line."""

from dataclasses import dataclass
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapport.telemetry.masking import mask, masked_field


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sent to ada.lovelace@example.org.", "sent to a***@e***.org."),
        ("Key (value)=(ada@mail.example.co.uk) already exists", "Key (value)=(a***@m***.uk) already exists"),
        ("/v1/profiles/ada%40example.org/facts", "/v1/profiles/a***@e***.org/facts"),
        ("josé@bücher.de", "j***@b***.de"),
        ("called +886 2 2345 6789 twice", "called +8862***89 twice"),
        ("called +886223456789", "called +8862***89"),
        ("to (02) 2345-6789", "to 02234***89"),
        ("to 0912-345-678", "to 09123***78"),
        ("to 886912345678", "to 88691***78"),
        ("/v1/x/%2B886912345678", "/v1/x/+8869***78"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer ***"),
        ("authorization=Basic d3JpdGVLZXk6", "authorization=Basic ***"),
        ("got eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.c2ln here", "got *** here"),
        ('{"writeKey": "wk_123"}', '{"writeKey": "***"}'),
        ("?write_key=wk123&a=1", "?write_key=***&a=1"),
        ("postgresql://app:hunter2@db/profile", "postgresql://***@db/profile"),
    ],
)
def test_personal_data_and_secrets_are_masked(text: str, shown: str) -> None:
    assert mask(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-03T10:00:00.123456+08:00 took 12345678 rows in 1234.567891011 s",
        "profile 018f1234-5678-7890-1234-567890123456 merged",
        "trace 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        'File "/srv/app.py", line 123, in <module>\n    @app.get("/x")',
        "postgresql+asyncpg://app@/profile?host=/run/x",
        "listening on 127.0.0.1:8001",
        "the token is missing, the key too",
    ],
)
def test_what_operators_need_stays(text: str) -> None:
    assert mask(text) == text


def test_fields_are_masked_by_name_and_throughout() -> None:
    @dataclass
    class Call:
        phone: str
        note: str
        tries: int

    assert masked_field("call", Call("02 2345 6789", "mail ada@example.org", 3)) == {
        "phone": "02234***89",
        "note": "mail a***@e***.org",
        "tries": 3,
    }
    identity = UUID("018f1234-5678-7890-1234-567890123456")
    assert masked_field("profile_id", identity) == str(identity)
    assert masked_field("mobile", 912345678) == "91234***78"
    assert masked_field("service_token", "abc") == "***"
    assert masked_field("headers", {"Authorization": "x y", "X-Api-Key": "k", "bytes": 886912345678}) == {
        "Authorization": "***",
        "X-Api-Key": "***",
        "bytes": 886912345678,
    }
    assert masked_field("seen", [("ada@example.org", None), True]) == [["a***@e***.org", None], True]
    assert masked_field("error", ValueError("ada@example.org")) == "ValueError('a***@e***.org')"


LOCAL = st.from_regex(r"[a-z0-9][a-z0-9._+-]{3,20}[a-z0-9]", fullmatch=True)


@given(st.text(max_size=30), LOCAL, st.text(max_size=30))
def test_no_address_survives_whatever_stands_around_it(before: str, local: str, after: str) -> None:
    assert f"{local}@example.org" not in mask(f"{before}{local}@example.org{after}")


@given(st.text(" :,;'\"()[]=/", max_size=5), st.integers(10**8, 10**14), st.text(" ,;'\")]/", max_size=5))
def test_no_international_number_survives(before: str, number: int, after: str) -> None:
    assert str(number) not in mask(f"{before}+{number}{after}")


@pytest.mark.parametrize(
    "piece", ["a", "a.", "1", "1 ", "@", "a@", "+1", "-", "token=", "eyJaaaaa.", "bearer ", "://:"]
)
def test_long_texts_do_not_make_patterns_backtrack(piece: str) -> None:
    # Quadratic matching would take hours here and end at the limit that every test has.
    assert mask(f"{piece * 200_000} ada@example.org").endswith(" a***@e***.org")
