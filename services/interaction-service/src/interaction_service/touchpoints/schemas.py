"""Bodies of the touchpoint endpoints."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field, ValidationError, WrapValidator
from pydantic_core import InitErrorDetails, PydanticCustomError

from interaction_service.fields import Channel, Identifiers, JsonObject, Kind, Line, Moment, Strict


class NewTouchpoint(Strict):
    """A contact on any channel; a `message_id` sent again within 30 days is the same contact told again."""

    identifiers: Identifiers
    type: Kind
    name: Line | None = None
    channel: Channel
    direction: Literal["inbound", "outbound"] = "inbound"
    occurred_at: Moment | None = None
    data: JsonObject = Field(default_factory=dict)
    message_id: Annotated[str, Field(min_length=1, max_length=512, pattern=r"^[^\x00]*$")] | None = None


def _one_as_list(value: Any, handler: Callable[[Any], list[NewTouchpoint]]) -> list[NewTouchpoint]:
    if isinstance(value, list):
        return handler(value)
    try:
        return handler([value])
    except ValidationError as error:
        # Whoever sent one touchpoint sent no list, so pointers have no index.
        raise ValidationError.from_exception_data(
            error.title,
            [
                InitErrorDetails(
                    type=PydanticCustomError(each["type"], each["msg"].replace("{", "{{").replace("}", "}}")),
                    loc=each["loc"][1:],
                    input=each["input"],
                )
                for each in error.errors()
            ],
        ) from error


NewTouchpoints = Annotated[
    list[NewTouchpoint],
    Field(min_length=1, max_length=500),
    WrapValidator(_one_as_list, json_schema_input_type=NewTouchpoint | list[NewTouchpoint]),
]


class Stored(BaseModel):
    """The id of a touchpoint; `duplicate` says that its message_id was stored before, and the id is that one's."""

    touchpoint_id: UUID
    identity_id: UUID
    duplicate: bool


class StoredList(BaseModel):
    """The ids of several touchpoints, in the order they were sent."""

    items: list[Stored]


class TouchpointView(BaseModel):
    """One contact of a customer's history."""

    touchpoint_id: UUID
    identity_id: UUID
    type: str
    name: str | None
    channel: str
    direction: str
    occurred_at: datetime
    received_at: datetime
    data: dict[str, Any]
