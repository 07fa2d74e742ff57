"""What an outcome means for a message."""

from datetime import timedelta
from typing import NamedTuple

from campaign_service.sending.provider import Kind, Outcome

LONGEST_WAIT = timedelta(hours=4)


class Settlement(NamedTuple):
    """The state a message takes, why, and after how long it is tried again (pending only)."""

    state: str
    reason: str | None
    wait: timedelta = timedelta(0)


def settle(outcome: Outcome, attempts: int, tries: int, first_wait: timedelta) -> Settlement:
    """What becomes of a message after its attempt number `attempts`.

    A refusal is final, a temporary one is tried again after a wait that doubles. Silence after DATA is `unknown`: the
    server may have the message, and two are worse than none.
    """
    detail = outcome.detail[:500]
    if outcome.kind is Kind.ACCEPTED:
        return Settlement("sent", None)
    if outcome.kind is Kind.UNCERTAIN:
        return Settlement("unknown", detail)
    if outcome.kind is Kind.REFUSED:
        return Settlement("failed", detail)
    if attempts >= tries:
        return Settlement("failed", f"given up after {attempts} attempts: {detail}"[:500])
    return Settlement("pending", detail, min(first_wait * 2 ** (attempts - 1), LONGEST_WAIT))
