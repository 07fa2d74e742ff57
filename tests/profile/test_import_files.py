"""I9: whatever a list is written in, it is read; the guesses are shown."""

import io
import json
import random
import unicodedata
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from profile_service.imports.files import FileFormat, UnreadableFile, recognise
from profile_service.imports.reading import Row, rows_of

TAIWANESE = ["王小明", "陳美玲", "林志豪", "黃淑芬", "張家豪", "李雅婷", "吳俊傑", "劉怡君"]
CHINESE = ["张伟", "王芳", "李娜", "刘洋", "陈静", "杨军", "赵敏", "黄磊"]
VIETNAMESE = ["Nguyễn Văn Đức", "Trần Thị Hương", "Lê Quốc Bảo", "Phạm Thuỳ Dương", "Đặng Thị Ngọc"]
GERMAN = ["Jürgen Groß", "Zoë Müller", "François Lefèvre", "José Núñez", "Åsa Öberg"]
TONES = "\u0300\u0301\u0303\u0309\u0323"


def windows_1258(text: str) -> bytes:
    """As Windows wrote Vietnamese: letters with their own marks, tones after them where the page has no such letter."""
    out = []
    for letter in text:
        try:
            out.append(letter.encode("cp1258"))
        except UnicodeEncodeError:
            parts = unicodedata.normalize("NFD", letter)
            base = unicodedata.normalize("NFC", "".join(each for each in parts if each not in TONES))
            out.append((base + "".join(each for each in parts if each in TONES)).encode("cp1258"))
    return b"".join(out)


def text_of(names: Sequence[str], delimiter: str, end: str = "\r\n") -> str:
    rows = [delimiter.join((f"p{number}@example.org", name, "10617")) for number, name in enumerate(names)]
    return end.join([delimiter.join(("E-mail", "Name", "Postcode")), *rows, ""])


def read(
    content: bytes, columns: Sequence[str] = ("Name",), *, country: str = "US", charset: str | None = None
) -> tuple[FileFormat, list[Row]]:
    file = io.BytesIO(content)
    how = recognise(file, columns, country, charset)
    return how, list(rows_of(file, how, columns))


def values(rows: Sequence[Row]) -> list[Any]:
    return [row.values[0] for row in rows if row.fault is None]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    ("encoding", "names", "shown", "mark"),
    [
        ("utf-8", TAIWANESE, "utf-8", False),
        ("utf-8-sig", VIETNAMESE, "utf-8", True),
        ("utf-16", TAIWANESE, "utf-16-le", True),
        ("utf-16-le", GERMAN, "utf-16-le", False),
        ("utf-16-be", VIETNAMESE, "utf-16-be", False),
        ("big5", TAIWANESE, "big5", False),
        ("gb18030", CHINESE, "gb18030", False),
        ("cp1252", GERMAN, "windows-1252", False),
    ],
)
def test_i9_encodings_and_delimiters_are_guessed(
    encoding: str, names: list[str], shown: str, delimiter: str, *, mark: bool
) -> None:
    how, rows = read(text_of(names, delimiter).encode(encoding))
    assert (how.format, how.encoding, how.byte_order_mark, how.delimiter) == ("csv", shown, mark, delimiter)
    assert how.columns == ["E-mail", "Name", "Postcode"]
    assert values(rows) == names


def test_i9_windows_1258_is_told_from_1252() -> None:
    how, rows = read(windows_1258(text_of(VIETNAMESE, ",")))
    assert how.encoding == "windows-1258"
    assert [unicodedata.normalize("NFC", each) for each in values(rows)] == VIETNAMESE


@pytest.mark.parametrize(("names", "encoding"), [(TAIWANESE, "big5"), (CHINESE, "gb18030")])
def test_i9_one_name_is_enough_where_the_country_is_known(names: list[str], encoding: str) -> None:
    country = {"big5": "TW", "gb18030": "CN"}[encoding]
    for name in names:
        how, rows = read(text_of([name], ",").encode(encoding), country=country)
        assert (how.encoding, values(rows)) == (encoding, [name])


def test_i9_text_beyond_ascii_is_found_wherever_it_is() -> None:
    names = ["Plain Name"] * 40_000 + ["Jürgen Groß"]
    how, rows = read(text_of(names, ",").encode("cp1252"))
    assert how.encoding == "windows-1252"
    assert values(rows)[-1] == "Jürgen Groß"


def test_i9_the_caller_may_name_the_encoding() -> None:
    content = text_of(["Жанна"], ",").encode("koi8-r")
    assert values(read(content, charset="koi8-r")[1]) == ["Жанна"]
    with pytest.raises(UnreadableFile, match="no encoding named"):
        read(content, charset="klingon")
    with pytest.raises(UnreadableFile, match="not an encoding of files"):
        read(content, charset="punycode")


def test_i9_bytes_of_another_encoding_are_seen_in_their_cell_alone() -> None:
    content = text_of(["Ada", "XX", "Grace"], ",").encode().replace(b"XX", b"J\xc3\xbcrgen \xff")
    _, rows = read(content, charset="utf-8")
    assert values(rows) == ["Ada", "Jürgen \ufffd", "Grace"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_i9_quoted_cells_may_hold_delimiters_quotes_and_lines(end: str) -> None:
    text = end.join(['"E-mail","Name"', f'a@example.org,"Ada ""The{end}Countess"", L."', 'b@example.org,5" disk', ""])
    _, rows = read(text.encode())
    assert [value.replace(end, "\n") for value in values(rows)] == ['Ada "The\nCountess", L.', '5" disk']


def test_i9_single_quotes_are_recognised() -> None:
    text = "'E-mail';'Name'\n'a@example.org';'Ada; Countess'\n'b@example.org';'O''Hara'\n"
    how, rows = read(text.encode())
    assert (how.quote, how.delimiter) == ("'", ";")
    assert values(rows) == ["Ada; Countess", "O'Hara"]
    how, rows = read(b"E-mail,Name\na@example.org,O'Hara\nb@example.org,D'Arcy\n")
    assert (how.quote, values(rows)) == ('"', ["O'Hara", "D'Arcy"])


def test_i9_a_quote_that_is_never_closed_costs_its_own_row_alone() -> None:
    rest = "".join(f"p{number}@example.org,Name {number}\n" for number in range(20_000))
    _, rows = read(f'E-mail,Name\na@example.org,"Ada\n{rest}'.encode())
    assert [row.number for row in rows if row.fault] == [1]
    assert len(values(rows)) == 20_000
    _, rows = read(b'E-mail,Name\na@example.org,Ada\nb@example.org,"Grace\nc@example.org,Joan\n')
    assert [(row.number, row.fault is None) for row in rows] == [(1, True), (2, False), (3, True)]


def test_i9_rows_of_another_width_and_huge_cells_are_faults() -> None:
    lines = [
        "E-mail,Name",
        "a@example.org",
        "b@example.org,Ada,,",
        "c@example.org,Grace,1",
        "",
        ",",
        f"d@example.org,{'x' * 200_000}",
        f"e@example.org,{'x,' * 800_000}",
        "f@example.org,Joan",
    ]
    _, rows = read("\n".join(lines).encode())
    assert [(row.number, row.fault is None) for row in rows] == [
        (1, False),
        (2, True),
        (3, False),
        (4, False),
        (5, False),
        (6, True),
    ]
    assert rows[2].fault == "The row has 3 cells where the header has 2."
    assert "field larger" in str(rows[3].fault)
    assert "longer than" in str(rows[4].fault)


def test_i9_reading_goes_on_after_rows_to_skip() -> None:
    content = text_of([f"Name {number}" for number in range(50)], ",").encode()
    file = io.BytesIO(content)
    how = recognise(file, ["Name"], "US")
    assert [row.number for row in rows_of(file, how, ["Name"], 47)] == [48, 49, 50]
    assert how.rows == 50


def test_i9_ndjson_is_read_by_name_and_path() -> None:
    lines = [
        {"E-mail": "a@example.org", "name": {"given": "Ada"}, "size": 42.5},
        {"name.given": "Grace", "E-mail": None},
    ]
    text = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines) + '\n[1]\nnonsense\n\n{"E-mail": "x"}'
    how, rows = read(text.encode("utf-16"), ["E-mail", "name.given", "size"])
    assert (how.format, how.encoding) == ("ndjson", "utf-16-le")
    assert how.columns == ["E-mail", "name", "name.given", "size"]
    assert [row.values for row in rows if not row.fault] == [
        ["a@example.org", "Ada", 42.5],
        [None, "Grace", None],
        ["x", None, None],
    ]
    assert [row.number for row in rows if row.fault] == [3, 4]


def test_i9_parquet_is_read_in_groups() -> None:
    people = [
        {
            "E-mail": f"p{n}@example.org",
            "name": {"given": f"N{n}"},
            "born": date(1980, 2, 29),
            "points": Decimal("1.50"),
        }
        for n in range(2_500)
    ]
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(people), out, row_group_size=700)
    file = io.BytesIO(out.getvalue())
    how = recognise(file, ["E-mail"], "US")
    assert (how.format, how.columns, how.rows) == ("parquet", ["E-mail", "name", "born", "points"], 2_500)
    rows = list(rows_of(file, how, ["E-mail", "name.given", "born", "points"], skip=1_999))
    assert [row.number for row in rows] == list(range(2_000, 2_501))
    assert rows[0].values == ["p1999@example.org", "N1999", "1980-02-29", 1.5]


def test_i9_no_file_breaks_the_reader() -> None:
    dice = random.Random(7)
    pieces = [
        b"E-mail,Name\n",
        b"a@b.c,d",
        b"\n",
        b'"',
        b"\xff\xfe",
        b"\x00",
        b"{",
        b"}",
        b"PAR1",
        b"\xe7\x8e",
        b";\t|",
    ]
    for _ in range(400):
        content = b"".join(dice.choices(pieces, k=dice.randint(1, 12)))
        try:
            how, _ = read(content, ())
        except UnreadableFile:
            continue
        assert how.columns
