"""Migrations between classes, computed anew from the column files with what is known today."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta
from rapport.pagination import Page, decode_cursor, encode_cursor

from segment_service.columns.engine import Engine
from segment_service.columns.moves import Cell, Mover, Wanted, matrix, movers
from segment_service.columns.ranking import Question
from segment_service.columns.store import ColumnStore
from segment_service.migrations.schemas import (
    Migration,
    MigrationCell,
    MigrationClass,
    MigrationQuery,
    MoverOut,
    MoversQuery,
    Moves,
)
from segment_service.money import Money, amount_text
from segment_service.pyramid.rules import VALUE_CLASSES
from segment_service.pyramid.schemas import PyramidPeriod
from segment_service.pyramid.service import cutoffs_out
from segment_service.settings import SegmentSettings

AmountText = Annotated[str, Meta(pattern=r"^-?[0-9]{1,30}\.[0-9]{2}$")]


async def migration(store: ColumnStore, engine: Engine, settings: SegmentSettings, asked: MigrationQuery) -> Migration:
    """The matrix of classes at two dates."""
    before, after = (_question(asked, at, settings) for at in (asked.from_, asked.to))
    with engine.place():
        files = await store.refresh()
        found = await engine.run(lambda duck: matrix(duck, files, before, after))
    every = {(each.from_class, each.to_class): each for each in found}
    cells = [
        every.get((row, column)) or Cell(row, column, 0, *[Decimal(0)] * 4)
        for row in VALUE_CLASSES
        for column in VALUE_CLASSES
    ]
    return Migration.model_validate(
        {
            "from": asked.from_,
            "to": asked.to,
            "basis": asked.basis,
            "periods": [
                PyramidPeriod.model_validate({"from": each.since, "to": each.until}) for each in (before, after)
            ],
            "cutoffs": cutoffs_out(before.cutoffs),
            "currency": settings.currency,
            "customers": sum(each.customers for each in cells),
            "moves": _moves(cells),
            "classes": [_class(name, cells, settings.currency) for name in VALUE_CLASSES],
            "cells": _cells(cells, settings.currency, of_profit=asked.basis == "profit"),
        }
    )


async def members(store: ColumnStore, engine: Engine, settings: SegmentSettings, asked: MoversQuery) -> Page[MoverOut]:
    """A page of customers who moved, or stayed; raises `Invalid` for a cursor that no page gave."""
    before, after = (_question(asked, at, settings) for at in (asked.from_, asked.to))
    behind = None
    if asked.cursor is not None:
        amount, profile = decode_cursor(asked.cursor, tuple[AmountText, UUID])
        behind = Decimal(amount), profile
    wanted = Wanted(asked.from_class, asked.to_class, behind, asked.limit + 1)
    with engine.place():
        files = await store.refresh()
        found = await engine.run(lambda duck: movers(duck, files, before, after, wanted))
    items = found[: asked.limit]
    last = items[-1] if len(found) > asked.limit else None
    return Page(
        items=[_mover(each, settings.currency) for each in items],
        next_cursor=None if last is None else encode_cursor(f"{last.amount:.2f}", last.profile_id),
    )


def _question(asked: MigrationQuery, at: datetime, settings: SegmentSettings) -> Question:
    return Question(at - timedelta(days=asked.days(settings)), at, asked.basis, asked.cutoffs(settings))


def _moves(cells: Sequence[Cell]) -> Moves:
    rank = VALUE_CLASSES.index
    stayed = sum(each.customers for each in cells if each.from_class == each.to_class)
    up = sum(each.customers for each in cells if rank(each.to_class) < rank(each.from_class))
    return Moves(stayed=stayed, up=up, down=sum(each.customers for each in cells) - stayed - up)


def _class(name: str, cells: Sequence[Cell], currency: str) -> MigrationClass:
    row = [each for each in cells if each.from_class == name]
    column = [each for each in cells if each.to_class == name]
    return MigrationClass.model_validate(
        {
            "value_class": name,
            "customers_from": sum(each.customers for each in row),
            "customers_to": sum(each.customers for each in column),
            "stayed": sum(each.customers for each in row if each.to_class == name),
            "sales_from": _money(sum((each.sales_from for each in row), Decimal(0)), currency),
            "sales_to": _money(sum((each.sales_to for each in column), Decimal(0)), currency),
        }
    )


def _cells(cells: Sequence[Cell], currency: str, *, of_profit: bool) -> list[MigrationCell]:
    rows, columns = Counter[str](), Counter[str]()
    for each in cells:
        rows[each.from_class] += each.customers
        columns[each.to_class] += each.customers

    def shown(each: Cell) -> MigrationCell:
        profits: dict[str, Any] = {}
        if of_profit:
            profits = {
                "profit_from": _money(each.profit_from, currency),
                "profit_to": _money(each.profit_to, currency),
            }
        return MigrationCell.model_validate(
            {
                "from_class": each.from_class,
                "to_class": each.to_class,
                "customers": each.customers,
                "share_of_from": _share(each.customers, rows[each.from_class]),
                "share_of_to": _share(each.customers, columns[each.to_class]),
                "sales_from": _money(each.sales_from, currency),
                "sales_to": _money(each.sales_to, currency),
                **profits,
            }
        )

    return [shown(each) for each in cells]


def _mover(mover: Mover, currency: str) -> MoverOut:
    return MoverOut.model_validate(
        {
            "profile_id": mover.profile_id,
            "from_class": mover.from_class,
            "to_class": mover.to_class,
            "sales_from": _money(mover.sales_from, currency),
            "sales_to": _money(mover.sales_to, currency),
            "profit_from": _money(mover.profit_from, currency),
            "profit_to": _money(mover.profit_to, currency),
        }
    )


def _money(amount: Decimal, currency: str) -> Money:
    return Money(amount=amount_text(amount), currency=currency)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
