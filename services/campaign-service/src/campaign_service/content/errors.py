"""Problems of templates."""

from rapport.errors import Invalid, NotFound


class TemplateNotFound(NotFound):
    name, title = "template-not-found", "There is no such template"


class TemplateInvalid(Invalid):
    name, title = "template-invalid", "The template cannot be used"


class ProfileNotFound(NotFound):
    name, title = "profile-not-found", "There is no such customer"
