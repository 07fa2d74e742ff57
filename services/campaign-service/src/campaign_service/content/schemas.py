"""Bodies of the template calls."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from campaign_service.values import JsonObject, Key, Language, Strict, Text

SubjectTemplate = Annotated[Text, StringConstraints(min_length=1, max_length=1000)]


class Content(Strict):
    """One language's message, in Liquid; HTML, plain text or both."""

    subject: SubjectTemplate = Field(examples=["{{ profile.given_name | default: 'Hello' }}, coffee is on us"])
    html: Text | None = Field(None, examples=["<p>Dear {{ profile.display_name | default: 'friend' }}</p>"])
    text: Text | None = None

    @model_validator(mode="after")
    def _has_a_body(self) -> "Content":
        if not self.html and not self.text:
            raise ValueError("give html, text or both")
        return self


class TemplateBody(Content):
    """A message in its default language, and in others; who speaks none of them gets the default."""

    language: Language = "en"
    translations: dict[Language, Content] = Field(default={}, max_length=50)


class TemplateIn(TemplateBody):
    """A template as it is put."""

    channel: Annotated[str, StringConstraints(pattern="^email$")] = "email"


class TemplateOut(TemplateIn):
    """A template as it is kept."""

    key: str
    version: int


class PreviewIn(Strict):
    """Which message for whom: a kept template or one given here, a known customer or an invented one."""

    template: Key | TemplateBody
    profile_id: UUID | None = None
    profile: JsonObject | None = Field(None, examples=[{"given_name": "Ada", "display_name": "Ada Lovelace"}])
    language: Language | None = None
    campaign: JsonObject = Field(default={}, examples=[{"name": "Spring"}])
    offer: JsonObject | None = None

    @model_validator(mode="after")
    def _has_one_person(self) -> "PreviewIn":
        if self.profile_id is not None and self.profile is not None:
            raise ValueError("give profile_id or profile, not both")
        return self


class PreviewOut(Strict):
    """The message as that person would get it; `missing` are the variables that had no value."""

    language: str
    subject: str
    html: str | None
    text: str | None
    missing: list[str]


def body_of(document: dict[str, Any]) -> TemplateBody:
    """The stored JSON of a template as a body."""
    return TemplateBody.model_validate(document)
