"""What can be wrong with a rule."""

from rapport.errors import Invalid


class InvalidRule(Invalid):
    name, title = "invalid-rule", "The rule cannot be understood"


def wrong(at: str, detail: str) -> InvalidRule:
    """The problem that points at one place of a rule; `at` is a JSON pointer."""
    return InvalidRule(f"{at}: {detail}", errors=[{"pointer": at, "detail": detail}])
