"""Bodies of the calls about attributes."""

from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from profile_service.facts.rules import Criterion
from profile_service.fields import ShortText

KEY_PATTERN = r"^[A-Za-z][A-Za-z0-9_-]{0,63}(\.[A-Za-z0-9_-]{1,64}){0,4}$"
_SHOE = {
    "type": "object",
    "required": ["foot", "length_mm"],
    "properties": {"foot": {"enum": ["left", "right"]}, "length_mm": {"type": "number", "minimum": 50, "maximum": 400}},
}


class SurvivorshipBody(BaseModel):
    """How the fact that counts is chosen: `by` names criteria, the weightiest first; `trusted_sources` the most
    trusted first, before all that it does not name."""

    model_config = ConfigDict(extra="forbid")

    by: Annotated[list[Criterion], Field(min_length=1, max_length=5)] = ["source", "origin", "newest"]
    trusted_sources: Annotated[list[ShortText], Field(max_length=50)] = []

    @field_validator("by", "trusted_sources")
    @classmethod
    def _once(cls, value: list[str]) -> list[str]:
        if len(set(value)) < len(value):
            raise ValueError("Name each once.")
        return value


class AttributeBody(BaseModel):
    """What the values of an attribute look like (JSON Schema, draft 2020-12) and what is done with them.

    A `repeating` attribute has records with a history instead of one value in `traits`; a `personal` one is masked
    without the scope `profiles:pii`; a `searchable` one can be looked for in `GET /v1/profiles?attribute=&value=`.
    """

    model_config = ConfigDict(extra="forbid")

    # `schema` as an attribute of the model would hide one of pydantic's own.
    definition: Annotated[dict[str, Any], Field(alias="schema", examples=[_SHOE])]
    label: ShortText | None = None
    repeating: bool = False
    personal: bool = False
    searchable: bool = False
    survivorship: SurvivorshipBody | None = None


class AttributeAnswer(BaseModel):
    """An attribute; `version` grows with every change and is its entity tag."""

    model_config = ConfigDict(populate_by_name=True)

    key: str
    version: int
    definition: Annotated[dict[str, Any], Field(alias="schema")]
    label: str | None
    repeating: bool
    personal: bool
    searchable: bool
    survivorship: SurvivorshipBody | None
    changed_at: AwareDatetime
    changed_by: str


class ExistingValues(BaseModel):
    """Values kept under the key already: all of them stay, those that do not fit the schema included."""

    values: int
    not_fitting: int


class AttributePut(AttributeAnswer):
    """An attribute as it is now, and what it found."""

    existing: ExistingValues
