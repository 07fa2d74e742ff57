"""The lines of an order as one report names them: pure rules."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from segment_service.purchases.rules import LARGEST, Report, number

MAX_LINES: Final = 1_000
_MAX_TEXT: Final = 256
_CENT: Final = Decimal("0.01")
_MILLI: Final = Decimal("0.001")


class Line(NamedTuple):
    """One line of an order; the price is that of one piece."""

    product_id: str | None
    category: str | None
    price: Decimal | None
    quantity: Decimal


class Lines(NamedTuple):
    """All lines that one report names of one order; the newest report counts, as it does for the order's revenue."""

    identity_id: UUID
    order_id: str
    said_at: datetime
    step: int
    digest: bytes
    lines: tuple[Line, ...]

    @property
    def rank(self) -> tuple[datetime, int, bytes]:
        """Greater counts: later, an amendment at the same time, then whatever is the same for everybody."""
        return self.said_at, self.step, self.digest


def read_lines(report: Report, data: Mapping[str, Any]) -> Lines | None:
    """The lines in an order event's properties; None if it names none, or is not about what was ordered."""
    products = data.get("products")
    if report.kind not in {"completed", "amended"} or not isinstance(products, list):
        return None
    lines = tuple(_line(each) for each in products[:MAX_LINES] if isinstance(each, Mapping))
    if not lines:
        return None
    digest = hashlib.sha256(msgspec.json.encode(lines)).digest()[:16]
    return Lines(report.identity_id, report.order_id, report.at, int(report.kind == "amended"), digest, lines)


def newest(lines: Iterable[Lines]) -> list[Lines]:
    """For each order the report that counts, in the order of their keys."""
    found: dict[tuple[UUID, str], Lines] = {}
    for each in lines:
        key = each.identity_id, each.order_id
        known = found.get(key)
        if known is None or known.rank < each.rank:
            found[key] = each
    return [found[key] for key in sorted(found)]


def _line(product: Mapping[str, Any]) -> Line:
    price, quantity = number(product.get("price")), number(product.get("quantity"))
    return Line(
        _text(product.get("product_id")) or _text(product.get("sku")),
        _text(product.get("category")),
        None if price is None else price.quantize(_CENT, ROUND_HALF_UP),
        (Decimal(1) if quantity is None or abs(quantity) >= LARGEST else quantity).quantize(_MILLI, ROUND_HALF_UP),
    )


def _text(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    return str(value).replace("\x00", "").strip()[:_MAX_TEXT] or None
