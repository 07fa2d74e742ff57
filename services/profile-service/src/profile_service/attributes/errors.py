"""Problems of the attribute catalogue."""

from rapport.errors import Conflict, Invalid, NotFound


class UnknownAttribute(NotFound):
    name, title = "unknown-attribute", "No attribute is defined under this key"


class AttributeInUse(Conflict):
    name, title = "attribute-in-use", "Values are kept under this attribute that the change would leave without a place"


class AttributesNested(Conflict):
    name, title = "attributes-nested", "An attribute cannot lie inside another one"


class InvalidSchema(Invalid):
    name, title = "invalid-schema", "This is not a JSON Schema that can be used here"


class NotSearchable(Invalid):
    name, title = "not-searchable", "The attribute is not searchable"
