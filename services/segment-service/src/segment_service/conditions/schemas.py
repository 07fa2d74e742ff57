"""Rules in requests and answers."""

from typing import Annotated, Any

from fastapi import FastAPI
from pydantic import WithJsonSchema

from segment_service.conditions.schema import rule_definitions

_COMPONENTS = "#/components/schemas/"

# Checked by `parser.parse`, whose errors say more than a schema's.
RuleJson = Annotated[dict[str, Any], WithJsonSchema({"allOf": [{"$ref": f"{_COMPONENTS}Rule"}]})]


def describe_rules(app: FastAPI) -> None:
    """Put the schema of rules among the components of the service's OpenAPI document."""
    document = app.openapi

    def with_rules() -> dict[str, Any]:
        found = document()
        found.setdefault("components", {}).setdefault("schemas", {}).update(rule_definitions(_COMPONENTS))
        return found

    # FastAPI's own way to extend the document.
    app.openapi = with_rules  # type: ignore[method-assign]
