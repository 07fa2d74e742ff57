"""The collector's part of the OpenAPI document: it reads bodies itself, so it describes them itself."""

from typing import Any

from interaction_service.collector.intake import MAX_MESSAGE_ID
from interaction_service.collector.messages import TYPES

_ID: dict[str, Any] = {
    "oneOf": [{"type": "string", "maxLength": 512}, {"type": "integer"}, {"type": "null"}],
}
_USABLE_ID: dict[str, Any] = {
    "oneOf": [{"type": "string", "pattern": r"^[A-Za-z0-9_.@+-]{1,200}$"}, {"type": "integer"}],
}
_TIME: dict[str, Any] = {"oneOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}
_OBJECT: dict[str, Any] = {"oneOf": [{"type": "object"}, {"type": "null"}]}
_CONTEXT: dict[str, Any] = {
    "oneOf": [{"type": "object", "properties": {"traits": _OBJECT, "consent": _OBJECT}}, {"type": "null"}]
}
_NEEDED = {"track": "event", "group": "groupId", "alias": "previousId"}
_EXAMPLE = {
    "userId": "4711",
    "event": "Order Completed",
    "messageId": "0b7e3a0c-51a5-4c3c-9f0e-5c2f6f0a9a11",
    "timestamp": "2026-11-20T10:15:00Z",
    "properties": {"order_id": "o-1", "revenue": 25.0, "currency": "USD", "products": []},
}

SUCCESS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Stored, or stored before",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["success"],
                    "properties": {"success": {"type": "boolean", "const": True}},
                }
            }
        },
    }
}


def summary(type_: str | None) -> str:
    """One sentence for the operation of a type, or of a batch."""
    if type_ is None:
        return "Take in several messages, all of them or none."
    return f"Take in one {type_} message."


def _message(type_: str | None) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "messageId": {"oneOf": [{"type": "string", "maxLength": MAX_MESSAGE_ID}, {"type": "null"}]},
        "userId": _ID,
        "anonymousId": _ID,
        "timestamp": _TIME,
        "sentAt": _TIME,
        "context": _CONTEXT,
        "integrations": {},
        "properties": _OBJECT,
        "traits": _OBJECT,
        "event": {"oneOf": [{"type": "string"}, {"type": "null"}]},
        "name": {"oneOf": [{"type": "string"}, {"type": "null"}]},
        "groupId": _ID,
        "previousId": _ID,
        "writeKey": {"oneOf": [{"type": "string"}, {"type": "null"}]},
    }
    required = []
    if type_ is None:
        properties["type"] = {"type": "string", "enum": sorted(TYPES)}
        required.append("type")
    elif type_ in _NEEDED:
        required.append(_NEEDED[type_])
        properties[_NEEDED[type_]] = {"type": "string", "pattern": r"^[A-Za-z0-9_.-]{1,100}$"}
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "anyOf": [
            {"required": ["userId"], "properties": {"userId": _USABLE_ID}},
            {"required": ["anonymousId"], "properties": {"anonymousId": _USABLE_ID}},
        ],
    }


def _described(schema: dict[str, Any], example: dict[str, Any] | None) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": schema}
    if example:
        content["example"] = example
    return {
        "requestBody": {
            "required": True,
            "description": "JSON whatever the Content-Type says, gzip if Content-Encoding says so",
            "content": {"application/json": content},
        },
        "security": [{"writeKey": []}, {"token": []}],
    }


def single(type_: str) -> dict[str, Any]:
    """Description of a call with one message."""
    return _described(_message(type_), _EXAMPLE if type_ == "track" else None)


def batch() -> dict[str, Any]:
    """Description of a call with many."""
    schema = {
        "type": "object",
        "required": ["batch"],
        "properties": {
            "batch": {"type": "array", "items": _message(None)},
            "sentAt": _TIME,
            "context": _CONTEXT,
            "writeKey": {"oneOf": [{"type": "string"}, {"type": "null"}]},
        },
    }
    return _described(schema, {"batch": [{"type": "track", **_EXAMPLE}]})
