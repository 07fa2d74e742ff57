"""What can be wrong with a rule."""

from rapport.errors import Invalid


class InvalidRule(Invalid):
    name, title = "invalid-rule", "The rule cannot be understood"
