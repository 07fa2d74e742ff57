"""The rule language as a JSON Schema (2020-12). Pure.

It accepts what the parser accepts, but for the limits on depth and number of conditions.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from segment_service.conditions.limits import (
    AGGREGATES,
    DEEPEST,
    DIRECTIONS,
    EQUALITIES,
    LARGEST,
    LISTS,
    LONGEST_LIST,
    LONGEST_TEXT,
    MOST_CONDITIONS,
    MOST_WHERE,
    NUMBER_OPERATORS,
    ORDERS,
    TEXT,
    TEXTS,
    TIME_OPERATORS,
    TIMES,
    WORD_OPERATORS,
)
from segment_service.conditions.metrics import NUMBERS, RFM
from segment_service.conditions.scores import SCORE_WORDS
from segment_service.conditions.times import MOMENT, PAST, RELATIVE, SPAN
from segment_service.pyramid.rules import VALUE_CLASSES
from segment_service.standing.rules import STAGES

Schema = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_PROFILE: Final = "^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
EXAMPLES: Final[tuple[Schema, ...]] = (
    {"all": [{"value_class": ["top", "large"]}, {"not": {"lifecycle": ["lapsed"]}}, {"metric": "orders", "gte": 2}]},
    {
        "event": "Order Completed",
        "where": {"products.category": {"eq": "coffee"}},
        "count": {"gte": 2},
        "within": "90d",
    },
    {"any": [{"trait": "country", "in": ["TW", "VN"]}, {"consent": {"channel": "sms", "purpose": "marketing"}}]},
    {"event": "Email Opened", "sum": {"of": "revenue", "gte": 100}, "between": ["2026-01-01", "2026-06-30"]},
)


def rule_schema() -> Schema:
    """The schema as a document of its own."""
    definitions = rule_definitions("#/$defs/")
    return {"$schema": DIALECT, "title": "Rule", "$ref": "#/$defs/Rule", "$defs": definitions}


def rule_definitions(prefix: str) -> dict[str, Schema]:
    """The schema's definitions, `Rule` and its parts, which refer to one another below `prefix`."""
    return _Definitions(prefix).all()


class _Definitions:
    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def all(self) -> dict[str, Schema]:
        kinds = {
            "RuleAll": self._group("all", "True when every part is; of no parts, true."),
            "RuleAny": self._group("any", "True when some part is; of no parts, false."),
            "RuleNot": _object("True when the part is not.", {"not": self._ref("Rule")}, ["not"]),
            "RuleTrait": self._trait(),
            "RuleMetric": _metric(),
            "RuleScores": _scores(),
            "RuleEvent": self._event(),
            "RuleValueClass": _object("The value class.", {"value_class": _words(VALUE_CLASSES)}, ["value_class"]),
            "RuleLifecycle": _object("The lifecycle stage.", {"lifecycle": _words(STAGES)}, ["lifecycle"]),
            "RuleSegment": _object("Member of one of these segments.", {"segment": _words()}, ["segment"]),
            "RuleConsent": _consent(),
            "RuleGrade": _grade(),
            "RuleNeed": _object("In one of these need groups.", {"need": _words()}, ["need"]),
            "RuleRelationship": _relationship(),
            "RuleProfile": _object("One of these profiles.", {"profile": _profiles()}, ["profile"]),
            "RuleRandom": _random(),
        }
        rule = {
            "description": (
                f"Conditions, and `all`, `any`, `not` around them: at most {DEEPEST} deep, {MOST_CONDITIONS} in all. "
                "A value that is missing matches nothing, `ne` and `nin` neither; of several values one must satisfy "
                "all comparisons, and none may be excluded by `ne` or `nin`. Text is compared letter by letter; days "
                "are days in UTC."
            ),
            "oneOf": [self._ref(name) for name in kinds],
            "examples": list(EXAMPLES),
        }
        return {"Rule": rule, **kinds, "RuleValues": self._values()}

    def _ref(self, name: str) -> Schema:
        return {"$ref": self._prefix + name}

    def _group(self, name: str, description: str) -> Schema:
        return _object(description, {name: {"type": "array", "items": self._ref("Rule")}}, [name])

    def _values(self) -> Schema:
        return _object(
            "Comparisons of one value, or of several that stand in one place; all hold.",
            _value_operators(),
            [],
            minProperties=1,
        )

    def _trait(self) -> Schema:
        return _object(
            "A trait or fact of the profile; `address.city` names a member. Several comparisons hold together.",
            {"trait": _text(1), **_value_operators()},
            ["trait"],
            minProperties=2,
        )

    def _event(self) -> Schema:
        within = {
            "type": "string",
            "pattern": SPAN,
            "description": "Up to so long ago: h hours, d days, w weeks, m months, y years",
        }
        between = {
            "type": "array",
            "prefixItems": [_time(MOMENT, PAST), _time(MOMENT, PAST)],
            "items": False,
            "minItems": 2,
            "description": (
                "From one time to the other, both included; a date is its whole day in UTC, `-30d` is relative to now."
            ),
        }
        where = {
            "type": "object",
            "propertyNames": _text(1),
            "additionalProperties": self._ref("RuleValues"),
            "minProperties": 1,
            "maxProperties": MOST_WHERE,
            "description": "What the event's data must say, by path without the indexes of arrays.",
        }
        schema = _object(
            "What the events say together; without a figure, that there is at least one. Count, sum and number of "
            "distinct values of no events are 0, other figures are missing. An event counts once its time has come.",
            {
                "event": _words(),
                "channel": _words(),
                "direction": _words(DIRECTIONS),
                "where": where,
                **{name: _aggregate(name, of_values=of_values) for name, of_values in AGGREGATES.items()},
                "within": within,
                "between": between,
            },
            ["event"],
        )
        return {**schema, "not": {"required": ["within", "between"]}}


def _object(description: str, properties: Mapping[str, Schema], required: Sequence[str], **more: Any) -> Schema:
    schema: Schema = {"type": "object", "description": description, "properties": dict(properties)}
    if required:
        schema["required"] = list(required)
    return {**schema, **more, "additionalProperties": False}


def _text(least: int = 0) -> Schema:
    length: Schema = {"minLength": least} if least else {}
    return {"type": "string", **length, "maxLength": LONGEST_TEXT, "pattern": TEXT}


def _number() -> Schema:
    return {"type": "number", "minimum": -LARGEST, "maximum": LARGEST}


def _scalar() -> Schema:
    return {"anyOf": [_text(), _number(), {"type": "boolean"}]}


def _time(*patterns: str) -> Schema:
    return {"anyOf": [{"type": "string", "pattern": pattern} for pattern in patterns]}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items, "maxItems": LONGEST_LIST}


def _words(known: Sequence[str] | None = None) -> Schema:
    word: Schema = _text(1) if known is None else {"type": "string", "enum": list(known)}
    return {"anyOf": [word, _list(word)]}


def _value_operators() -> dict[str, Schema]:
    moment = _time(MOMENT, RELATIVE)
    number_or_moment: Schema = {"anyOf": [_number(), *moment["anyOf"]]}
    return {
        **dict.fromkeys(EQUALITIES, _scalar()),
        **dict.fromkeys(ORDERS, number_or_moment),
        **dict.fromkeys(LISTS, _list(_scalar())),
        **dict.fromkeys(TEXTS, _text(1)),
        **dict.fromkeys(TIMES, moment),
        "exists": {"type": "boolean"},
    }


def _number_operators() -> dict[str, Schema]:
    return {name: _list(_number()) if name in LISTS else _number() for name in NUMBER_OPERATORS if name != "exists"}


def _metric() -> Schema:
    return _object(
        "A figure of the customer.",
        {"metric": {"type": "string", "enum": list(NUMBERS)}, **_number_operators(), "exists": {"type": "boolean"}},
        ["metric"],
        minProperties=2,
    )


def _scores() -> Schema:
    word: Schema = {"type": "string", "enum": list(SCORE_WORDS)}
    operators = {name: _list(word) if name in LISTS else word for name in WORD_OPERATORS}
    return _object(
        "The RFM group, or the three scores as digits.",
        {"metric": {"type": "string", "const": RFM}, **operators},
        ["metric"],
        minProperties=2,
    )


def _aggregate(name: str, *, of_values: bool) -> Schema:
    if name in {"first", "last"}:
        moment = _time(MOMENT, RELATIVE)
        return _object(f"The {name} time.", dict.fromkeys(TIME_OPERATORS, moment), [], minProperties=1)
    if not of_values:
        return _object("How many there are.", _number_operators(), [], minProperties=1)
    description = f"The {name} of the values at the path `of`."
    return _object(description, {"of": _text(1), **_number_operators()}, ["of"], minProperties=2)


def _consent() -> Schema:
    inside = _object("Channel and purpose.", {"channel": _text(1), "purpose": _text(1)}, ["channel", "purpose"])
    return _object("May be contacted on the channel for the purpose.", {"consent": inside}, ["consent"])


def _grade() -> Schema:
    inside = {
        "type": "object",
        "propertyNames": _text(1),
        "additionalProperties": _words(),
        "minProperties": 1,
        "maxProperties": 1,
    }
    return _object("The grade in one scheme.", {"grade": inside}, ["grade"])


def _relationship() -> Schema:
    inside = _object(
        "Kinds, and with whom.", {"kind": _words(), "profile_id": {"type": "string", "pattern": _PROFILE}}, ["kind"]
    )
    return _object("Has a relationship.", {"relationship": inside}, ["relationship"])


def _profiles() -> Schema:
    profile = {"type": "string", "pattern": _PROFILE}
    return {"anyOf": [profile, _list(profile)]}


def _random() -> Schema:
    share = {"type": "number", "minimum": 0, "maximum": 1}
    inside = _object(
        "A draw from 0 to 1, the same for a profile and a salt for ever, at least `from` and below `to`.",
        {"salt": _text(), "from": share, "to": share},
        ["salt", "from", "to"],
    )
    return _object("A random part of the customers.", {"random": inside}, ["random"])
