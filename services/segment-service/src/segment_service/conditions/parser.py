"""From JSON to the typed tree of a rule. Pure."""

from collections.abc import Callable, Mapping
from typing import Any, Final, cast
from uuid import UUID

from segment_service.conditions import operands
from segment_service.conditions.errors import wrong
from segment_service.conditions.limits import (
    AGGREGATES,
    DEEPEST,
    DIRECTIONS,
    EVENT_FIELDS,
    MOST_CONDITIONS,
    MOST_WHERE,
    WORD_OPERATORS,
)
from segment_service.conditions.metrics import METRICS, RFM, AggregateKind
from segment_service.conditions.operands import escaped, listed, only, shown, text, words
from segment_service.conditions.random import threshold
from segment_service.conditions.rules import (
    Aggregate,
    All,
    Any_,
    Comparison,
    Comparisons,
    Consent,
    Event,
    Grade,
    InClass,
    InSegment,
    InStage,
    Listed,
    Metric,
    Need,
    Not,
    Random,
    Relationship,
    Rfm,
    Rule,
    Trait,
    Window,
)
from segment_service.conditions.scores import SCORE_WORDS, codes
from segment_service.conditions.times import Span, read_span
from segment_service.pyramid.rules import VALUE_CLASSES
from segment_service.standing.rules import STAGES

Given = Mapping[str, Any]

_AT_LEAST_ONCE: Final = Comparisons(positive=(Comparison("gte", operands.number(1, "")),))
_NOTHING_BESIDE: Final = (
    "value_class",
    "lifecycle",
    "segment",
    "consent",
    "grade",
    "need",
    "relationship",
    "profile",
    "random",
)


def parse(rule: Any, at: str = "/rule") -> Rule:
    """The tree of a JSON rule; raises `InvalidRule` that points, from `at`, to what is not understood."""
    return _Parser().rule(rule, at, 0)


class _Parser:
    def __init__(self) -> None:
        self._conditions = 0
        self._groups: dict[str, Callable[[Any, str, int], Rule]] = {
            "all": lambda given, at, depth: All(self._parts(given, at, depth)),
            "any": lambda given, at, depth: Any_(self._parts(given, at, depth)),
            "not": lambda given, at, depth: Not(self.rule(given, at, depth + 1)),
        }

    def rule(self, given: Any, at: str, depth: int) -> Rule:
        self._conditions += 1
        if depth > DEEPEST:
            raise wrong(at, f"rules nest at most {DEEPEST} deep")
        if self._conditions > MOST_CONDITIONS:
            raise wrong(at, f"a rule has at most {MOST_CONDITIONS} conditions")
        if not isinstance(given, dict) or not given:
            raise wrong(at, f"a condition is an object with one of {listed(KINDS)}")
        found = [name for name in given if name in KINDS]
        if not found:
            name = next(iter(given))
            raise wrong(at, f"the condition {shown(name)} is not known; there are {listed(KINDS)}")
        kind, *besides = found
        if besides:
            raise wrong(f"{at}/{besides[0]}", f"one condition at a time: put {kind!r} and {besides[0]!r} into an 'all'")
        if kind in self._groups or kind in _NOTHING_BESIDE:
            _alone(given, kind, at)
        if kind in self._groups:
            return self._groups[kind](given[kind], f"{at}/{kind}", depth)
        return _CONDITIONS[kind](given, at)

    def _parts(self, given: Any, at: str, depth: int) -> tuple[Rule, ...]:
        if not isinstance(given, list):
            raise wrong(at, "must be a list of conditions")
        return tuple(self.rule(each, f"{at}/{index}", depth + 1) for index, each in enumerate(given))


def _alone(given: Given, kind: str, at: str) -> None:
    if besides := [name for name in given if name != kind]:
        raise wrong(f"{at}/{escaped(besides[0])}", f"nothing else may stand beside {kind!r}")


def _trait(given: Given, at: str) -> Rule:
    return Trait(text(given["trait"], f"{at}/trait", least=1), operands.values(given, at, ("trait",)))


def _metric(given: Given, at: str) -> Rule:
    name = given["metric"]
    if name not in METRICS:
        raise wrong(f"{at}/metric", f"the metric {shown(name)} is not known; there are {listed(METRICS)}")
    if name == RFM:
        return Rfm(_scores(given, at))
    return Metric(name, operands.numbers(given, at, ("metric",)))


def _scores(given: Given, at: str) -> tuple[int, ...]:
    only(given, at, ("metric", *WORD_OPERATORS))
    if len(given) == 1:
        raise wrong(at, f"compare with at least one of {listed(WORD_OPERATORS)}")
    meant = set(codes())
    for name, operand in given.items():
        if name == "metric":
            continue
        place = f"{at}/{name}"
        if isinstance(operand, str) != (name in {"eq", "ne"}):
            raise wrong(
                place, "must be a list of groups or scores" if name in {"in", "nin"} else "must be a group or scores"
            )
        named = {code for word in words(operand, place, SCORE_WORDS) for code in codes(word)}
        meant = meant & named if name in {"eq", "in"} else meant - named
    return tuple(sorted(meant))


def _event(given: Given, at: str) -> Rule:
    only(given, at, EVENT_FIELDS)
    if "within" in given and "between" in given:
        raise wrong(f"{at}/between", "either 'within' or 'between', not both")
    aggregates = tuple(_aggregate(kind, given[kind], f"{at}/{kind}") for kind in AGGREGATES if kind in given)
    return Event(
        names=words(given["event"], f"{at}/event"),
        channels=words(given["channel"], f"{at}/channel") if "channel" in given else None,
        directions=words(given["direction"], f"{at}/direction", DIRECTIONS) if "direction" in given else None,
        where=_where(given["where"], f"{at}/where") if "where" in given else (),
        window=_window(given, at),
        aggregates=aggregates or (Aggregate("count", None, _AT_LEAST_ONCE),),
    )


def _where(given: Any, at: str) -> tuple[tuple[str, Comparisons], ...]:
    found = operands.mapping(
        given, at, 'paths into the event\'s data with their comparisons, {"revenue": {"gte": 100}}'
    )
    if not 1 <= len(found) <= MOST_WHERE:
        raise wrong(at, f"must name 1 to {MOST_WHERE} paths")
    conditions = []
    for path, tests in found.items():
        place = f"{at}/{escaped(path)}"
        text(path, place, least=1)
        conditions.append((path, operands.values(operands.mapping(tests, place, '{"eq": "coffee"}'), place)))
    return tuple(conditions)


def _aggregate(kind: str, given: Any, at: str) -> Aggregate:
    of_values = AGGREGATES[kind]
    example = '{"of": "revenue", "gte": 100}' if of_values else '{"gte": 2}'
    found = operands.mapping(given, at, example if kind not in {"first", "last"} else '{"after": "-30d"}')
    name = cast("AggregateKind", kind)
    if kind in {"first", "last"}:
        return Aggregate(name, None, operands.times(found, at))
    if not of_values:
        return Aggregate(name, None, _without_exists(operands.numbers(found, at), at))
    if "of" not in found:
        raise wrong(at, f"'of' is missing: the path of the values, {example}")
    tests = _without_exists(operands.numbers(found, at, ("of",)), at)
    return Aggregate(name, text(found["of"], f"{at}/of", least=1), tests)


def _without_exists(tests: Comparisons, at: str) -> Comparisons:
    if tests.exists is not None:
        raise wrong(f"{at}/exists", "a figure over events is compared with numbers")
    return tests


def _window(given: Given, at: str) -> Window:
    if "within" in given:
        within = given["within"]
        span = read_span(within) if isinstance(within, str) and within[:1].isdecimal() else None
        if span is None:
            raise wrong(
                f"{at}/within", 'must be a span of time such as "90d": h hours, d days, w weeks, m months, y years'
            )
        return Window(-span, Span())
    if "between" in given:
        between, place = given["between"], f"{at}/between"
        if not isinstance(between, list) or len(between) != 2:
            raise wrong(place, 'must be two times, ["2026-01-01", "2026-06-30"], both included')
        first, last = between
        return Window(operands.bound(first, f"{place}/0", end=False), operands.bound(last, f"{place}/1", end=True))
    return Window()


def _consent(given: Given, at: str) -> Rule:
    place = f"{at}/consent"
    found = operands.mapping(given["consent"], place, '{"channel": "sms", "purpose": "marketing"}')
    only(found, place, ("channel", "purpose"), needed=("channel", "purpose"))
    return Consent(*(text(found[name], f"{place}/{name}", least=1) for name in ("channel", "purpose")))


def _grade(given: Given, at: str) -> Rule:
    place = f"{at}/grade"
    found = operands.mapping(given["grade"], place, 'a scheme with its grades, {"vip": ["gold", "silver"]}')
    if len(found) != 1:
        raise wrong(place, "must name one scheme")
    (scheme, grades), *_ = found.items()
    inside = f"{place}/{escaped(scheme)}"
    return Grade(text(scheme, inside, least=1), words(grades, inside))


def _relationship(given: Given, at: str) -> Rule:
    place = f"{at}/relationship"
    found = operands.mapping(given["relationship"], place, '{"kind": "referred_by"}')
    only(found, place, ("kind", "profile_id"), needed=("kind",))
    other = _profile(found["profile_id"], f"{place}/profile_id") if "profile_id" in found else None
    return Relationship(words(found["kind"], f"{place}/kind"), other)


def _profiles(given: Given, at: str) -> Rule:
    place = f"{at}/profile"
    ids = words(given["profile"], place)
    one = isinstance(given["profile"], str)
    return Listed(tuple(_profile(each, place if one else f"{place}/{index}") for index, each in enumerate(ids)))


def _profile(given: Any, at: str) -> str:
    try:
        found = UUID(given) if isinstance(given, str) else None
    except ValueError:
        found = None
    if found is None or str(found) != given.lower():
        raise wrong(at, "must be a profile's id, such as 01890a5d-ac96-774b-bcce-b302099a8057")
    return str(found)


def _random(given: Given, at: str) -> Rule:
    place = f"{at}/random"
    found = operands.mapping(given["random"], place, '{"salt": "spring", "from": 0, "to": 0.1}')
    only(found, place, ("salt", "from", "to"), needed=("salt", "from", "to"))
    low, high = (operands.number(found[name], f"{place}/{name}") for name in ("from", "to"))
    for share, name in ((low, "from"), (high, "to")):
        if not 0 <= share <= 1:
            raise wrong(f"{place}/{name}", "must be from 0 to 1")
    return Random(text(found["salt"], f"{place}/salt"), threshold(low), threshold(high))


_CONDITIONS: Final[Mapping[str, Callable[[Given, str], Rule]]] = {
    "trait": _trait,
    "metric": _metric,
    "event": _event,
    "value_class": lambda given, at: InClass(words(given["value_class"], f"{at}/value_class", VALUE_CLASSES)),
    "lifecycle": lambda given, at: InStage(words(given["lifecycle"], f"{at}/lifecycle", STAGES)),
    "segment": lambda given, at: InSegment(words(given["segment"], f"{at}/segment")),
    "consent": _consent,
    "grade": _grade,
    "need": lambda given, at: Need(words(given["need"], f"{at}/need")),
    "relationship": _relationship,
    "profile": _profiles,
    "random": _random,
}
KINDS: Final[tuple[str, ...]] = ("all", "any", "not", *_CONDITIONS)
