"""What can be wrong with fitting a model, or with asking for one."""

from rapport.errors import Invalid, NotFound


class NoModel(NotFound):
    name, title = "no-model", "No lifetime value model has been fitted yet"


class NoHoldout(NotFound):
    name, title = "no-holdout", "The model was fitted without orders to hold it against"


class NotFitted(Invalid):
    name, title = "not-fitted", "The model cannot be fitted to these orders"
