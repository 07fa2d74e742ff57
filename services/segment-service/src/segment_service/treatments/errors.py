"""Problems with treatments."""

from rapport.errors import NotFound


class UnknownTreatment(NotFound):
    name, title = "unknown-treatment", "There is no such treatment"
