"""The CDNOW sample: 2,357 customers who bought first in early 1997, and all their orders up to the middle of 1998."""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

CALIBRATION_END = datetime(1997, 9, 30, 23, 59, 59, tzinfo=UTC)


class Line(NamedTuple):
    """An order."""

    customer: str
    at: datetime
    revenue: Decimal


def _folder() -> Path:
    # The package itself is not imported: loading it takes longer than its data.
    spec = find_spec("lifetimes")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "datasets"


def summary() -> NDArray[np.float64]:
    """Columns x, t_x, T (weeks, up to the end of September 1997) and the mean of the x repeat purchases in dollars."""
    with (_folder() / "cdnow_customers_summary_with_transactions.csv").open(newline="") as opened:
        rows = list(csv.reader(opened))[1:]
    return np.array([[float(value) for value in row[1:]] for row in rows]).T


def orders() -> Iterator[Line]:
    """Every order of the sample."""
    for line in (_folder() / "CDNOW_sample.txt").read_text().splitlines():
        _, customer, day, _, revenue = line.split()
        yield Line(customer, datetime.strptime(day, "%Y%m%d").replace(hour=12, tzinfo=UTC), Decimal(revenue))
