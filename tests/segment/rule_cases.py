"""Random rules, and customers on whom they could be wrong: at the edges of windows, with values of a wrong kind."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from segment_service.conditions.customer import Bond, Customer, Happening, Leaf, Word
from segment_service.conditions.limits import AGGREGATES
from segment_service.conditions.metrics import COLUMNS, NUMBERS
from segment_service.conditions.scores import SCORE_WORDS
from segment_service.conditions.times import Span, later, read_span
from segment_service.pyramid.rules import VALUE_CLASSES
from segment_service.standing.rules import STAGES

Json = dict[str, Any]

# A leap day, so that months and years end on days that are not there.
NOW = datetime(2024, 2, 29, 12, 30, 0, 250_000, tzinfo=UTC)
TEXTS = ("coffee", "Coffee", "tea", "a%b_c\\d", "it's", "Nguyễn 平😀", "", " ", "12", "-0.5", "x;--", "TRUE", "$1 {0}")
NUMBERS_ = (0, 1, 2, 3, 12, -0.5, 0.1, 99.999999, 0.000001, 123456.78, 10**12, -7)
TIMES = ("2024-02-29", "2023-12-31", "2024-02-29T12:30:00.250000Z", "2024-02-29T20:30:00.25+08:00", "2025-01-31")
SPANS = ("1h", "36h", "0d", "1d", "30d", "365d", "2w", "1m", "12m", "1y", "4y")
KEYS = ("country", "address.city", "tags", "birth_date", "odd'key\"")
PATHS = ("products.category", "products.price", "revenue", "delivery_date", "odd.päth")
EVENTS = ("Order Completed", "Email Opened", "Sự kiện 'x'")
CHANNELS = ("email", "phone", "shop")
WORDS = ("gold", "silver", "vip", "Ü")
PROFILES = tuple(UUID(int=0x018F_0000_0000_7000_8000_0000_0000_0000 + number * 7919) for number in range(40))


def relative(*, past: bool = False) -> st.SearchStrategy[str]:
    """Spans before, or after, now."""
    return st.builds("{}{}".format, st.sampled_from(["-"] if past else ["-", "-", "+", ""]), st.sampled_from(SPANS))


times = st.one_of(st.sampled_from(TIMES), relative())
numbers = st.one_of(st.sampled_from(NUMBERS_), st.integers(-5, 40))
scalars = st.one_of(st.sampled_from(TEXTS), numbers, st.booleans())
words = st.one_of(st.sampled_from(WORDS), st.lists(st.sampled_from(WORDS), max_size=3))


def some_of(operators: dict[str, st.SearchStrategy[Any]], most: int = 2) -> st.SearchStrategy[Json]:
    """One operator, sometimes more."""
    return st.lists(st.sampled_from(sorted(operators)), min_size=1, max_size=most, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: operators[name] for name in names})
    )


def _texts(*texts: str) -> st.SearchStrategy[str]:
    return st.sampled_from([each for each in texts if each])


values = some_of(
    {
        "eq": scalars,
        "ne": scalars,
        "in": st.lists(scalars, max_size=4),
        "nin": st.lists(scalars, max_size=4),
        **dict.fromkeys(("gt", "gte", "lt", "lte"), st.one_of(numbers, times)),
        "contains": _texts(*TEXTS, "o", "%", "_", "\\", "平"),
        "starts_with": _texts(*TEXTS, "c", "%", "N"),
        "before": times,
        "after": times,
        "exists": st.booleans(),
    }
)
figures = some_of(
    {
        **dict.fromkeys(("eq", "ne", "gt", "gte", "lt", "lte"), numbers),
        **dict.fromkeys(("in", "nin"), st.lists(numbers, max_size=4)),
    }
)
moments = some_of(dict.fromkeys(("before", "after", "gt", "gte", "lt", "lte"), times))


def _beside(first: Json, more: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return more.map(lambda given: {**first, **given})


@st.composite
def _events(draw: st.DrawFn) -> Json:
    rule: Json = {"event": draw(st.one_of(st.sampled_from(EVENTS), st.lists(st.sampled_from(EVENTS), max_size=2)))}
    if draw(st.integers(0, 3)) == 0:
        rule["channel"] = draw(st.one_of(st.sampled_from(CHANNELS), st.lists(st.sampled_from(CHANNELS), max_size=2)))
    if draw(st.integers(0, 5)) == 0:
        rule["direction"] = "inbound"
    if draw(st.booleans()):
        rule["where"] = draw(st.dictionaries(st.sampled_from(PATHS), values, min_size=1, max_size=2))
    for kind in draw(st.lists(st.sampled_from(sorted(AGGREGATES)), max_size=2, unique=True)):
        if AGGREGATES[kind]:
            rule[kind] = {"of": draw(st.sampled_from(PATHS)), **draw(figures)}
        else:
            rule[kind] = draw(moments if kind in {"first", "last"} else figures)
    window = draw(st.integers(0, 2))
    if window == 1:
        rule["within"] = draw(st.sampled_from(SPANS))
    elif window:
        edge = st.one_of(st.sampled_from(TIMES), relative(past=True))
        rule["between"] = [draw(edge), draw(edge)]
    return rule


scores = st.one_of(
    st.builds(
        lambda operator, word: {"metric": "rfm", operator: word},
        st.sampled_from(["eq", "ne"]),
        st.sampled_from(SCORE_WORDS),
    ),
    st.builds(
        lambda operator, some: {"metric": "rfm", operator: some},
        st.sampled_from(["in", "nin"]),
        st.lists(st.sampled_from(SCORE_WORDS), max_size=4),
    ),
)
metrics = st.builds(
    lambda name, given, exists: {"metric": name, **given, **exists},
    st.sampled_from(NUMBERS),
    figures,
    st.sampled_from([{}, {}, {}, {"exists": True}, {"exists": False}]),
)
shares = st.sampled_from([0, 0.1, 0.5, 0.999999, 1])
conditions: st.SearchStrategy[Json] = st.one_of(
    st.sampled_from(KEYS).flatmap(lambda key: _beside({"trait": key}, values)),
    metrics,
    scores,
    _events(),
    _events(),
    st.builds(lambda some: {"value_class": some}, st.lists(st.sampled_from(VALUE_CLASSES), max_size=3)),
    st.builds(lambda some: {"lifecycle": some}, st.one_of(st.sampled_from(STAGES), st.lists(st.sampled_from(STAGES)))),
    st.builds(lambda some: {"segment": some}, words),
    st.builds(lambda channel: {"consent": {"channel": channel, "purpose": "marketing"}}, st.sampled_from(CHANNELS)),
    st.builds(lambda scheme, some: {"grade": {scheme: some}}, st.sampled_from(WORDS), words),
    st.builds(lambda some: {"need": some}, words),
    st.builds(lambda some: {"relationship": {"kind": some}}, words),
    st.builds(
        lambda some, other: {"relationship": {"kind": some, "profile_id": str(other)}}, words, st.sampled_from(PROFILES)
    ),
    st.builds(lambda some: {"profile": [str(each) for each in some]}, st.lists(st.sampled_from(PROFILES), max_size=3)),
    st.builds(
        lambda salt, low, high: {"random": {"salt": salt, "from": low, "to": high}},
        st.sampled_from(TEXTS),
        shares,
        shares,
    ),
)
rules: st.SearchStrategy[Json] = st.recursive(
    conditions,
    lambda parts: st.one_of(
        st.builds(lambda some: {"all": some}, st.lists(parts, max_size=3)),
        st.builds(lambda some: {"any": some}, st.lists(parts, max_size=3)),
        st.builds(lambda part: {"not": part}, parts),
    ),
    max_leaves=4,
)


def customers(seed: int, count: int) -> list[Customer]:
    """Customers made up from a seed, many of whose times lie on the edges of what rules ask about."""
    chance = random.Random(seed)
    return [_customer(chance, profile) for profile in PROFILES[:count]]


def _customer(chance: random.Random, profile: UUID) -> Customer:
    return Customer(
        profile_id=profile,
        now=NOW,
        standing=_standing(chance),
        traits={key: _some(chance, lambda: _leaf(chance), 3) for key in KEYS if chance.random() < 0.6},
        events=_some(chance, lambda: _event(chance), 6),
        consents=[
            Word(channel, "marketing", chance.random() < 0.7, _maybe(chance, lambda: _time(chance)))
            for channel in CHANNELS
            if chance.random() < 0.6
        ],
        segments=frozenset(_some(chance, lambda: chance.choice(WORDS), 2)),
        grades=frozenset((scheme, chance.choice(WORDS)) for scheme in WORDS if chance.random() < 0.4),
        needs=frozenset(_some(chance, lambda: chance.choice(WORDS), 2)),
        relationships=_some(
            chance, lambda: Bond(chance.choice(WORDS), chance.choice(PROFILES), _maybe(chance, lambda: _day(chance))), 2
        ),
    )


def _some(chance: random.Random, make: Callable[[], Any], most: int) -> list[Any]:
    return [make() for _ in range(chance.randint(0, most))]


def _maybe(chance: random.Random, make: Callable[[], Any]) -> Any:
    return make() if chance.random() < 0.6 else None


def _standing(chance: random.Random) -> Json:
    figures: Json = {name: _maybe(chance, lambda: _number(chance)) for name in COLUMNS.values()}
    orders = chance.choice([0, 0, 1, 2, 3, 12])
    figures |= {name: _maybe(chance, lambda: Decimal(chance.randint(1, 5))) for name in "rfm"}
    figures |= {
        "orders": Decimal(orders),
        "orders_elsewhere": Decimal(chance.randint(0, orders)),
        "revenue": _number(chance),
        "value_class": chance.choice(VALUE_CLASSES),
        "lifecycle": chance.choice(STAGES),
        "first_order_at": _maybe(chance, lambda: _time(chance)),
        "last_order_at": _maybe(chance, lambda: _time(chance)),
    }
    return figures


def _event(chance: random.Random) -> Happening:
    return Happening(
        chance.choice(EVENTS),
        _time(chance),
        chance.choice(CHANNELS),
        chance.choice(("inbound", "outbound")),
        {path: _some(chance, lambda: _leaf(chance), 3) for path in PATHS if chance.random() < 0.5},
    )


def _leaf(chance: random.Random) -> Leaf:
    kind = chance.randrange(5)
    if kind == 0:
        return Leaf(number=_number(chance))
    if kind == 1:
        return Leaf(flag=chance.random() < 0.5)
    if kind == 2:
        at = chance.choice((_time, _day))(chance)
        return Leaf(text=at.isoformat(), at=at)
    text = chance.choice(TEXTS)
    return Leaf(text=text, number=Decimal(text) if text in {"12", "-0.5"} else None)


def _number(chance: random.Random) -> Decimal:
    return Decimal(str(chance.choice((*NUMBERS_, chance.randint(-5, 40))))).quantize(Decimal("0.000001"))


def _time(chance: random.Random) -> datetime:
    """Mostly a time that a span or a date of the rules leads to, or a microsecond beside it."""
    if chance.random() < 0.2:
        return NOW + timedelta(seconds=chance.randint(-2 * 366 * 86_400, 86_400))
    at = chance.choice([*map(of_span, SPANS), *(datetime.fromisoformat(each) for each in TIMES)])
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return at.astimezone(UTC) + timedelta(microseconds=chance.choice((-1, 0, 0, 1)), days=chance.choice((0, 0, 0, 1)))


def of_span(text: str) -> datetime:
    """The time that is a span before now."""
    return later(NOW, -_span(text))


def _span(text: str) -> Span:
    span = read_span(text)
    assert span is not None
    return span


def _day(chance: random.Random) -> datetime:
    day = date(2024, 2, 29) + timedelta(days=chance.choice((-366, -365, -31, -30, -1, 0, 1)))
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def moments_of(person: Customer) -> list[datetime]:
    """Times at which answers may turn, and a microsecond before and after them."""
    standing = (person.standing["first_order_at"], person.standing["last_order_at"])
    leaves = [*person.traits.values(), *(leaves for event in person.events for leaves in event.values.values())]
    found = {
        NOW,
        *(at for at in standing if at),
        *(leaf.at for some in leaves for leaf in some if leaf.at),
        *(event.occurred_at for event in person.events),
        *(word.until for word in person.consents if word.until),
        *(bond.until for bond in person.relationships if bond.until),
    }
    days = {later(at, Span(24 * days)) for at in standing if at for days in (*range(-5, 41), 100)}
    spans = [Span(), *map(_span, SPANS), *(-_span(each) for each in SPANS)]
    edges = days | {later(at, span) for at in found for span in spans}
    return sorted(edge + timedelta(microseconds=by) for edge in edges for by in (-1, 0, 1))
