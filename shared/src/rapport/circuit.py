"""A circuit breaker: stop asking a service that has stopped answering, and find out gently when it is back."""

import time
from collections.abc import Callable


class CircuitBreaker:
    """Opens after `threshold` failures in a row; after `cool_down` seconds lets one probe through at a time.

    Follows Nygard, "Release It!" (2nd ed. 2018), section 5.2. `clock` gives monotonic seconds. Not for use by several
    threads at once.
    """

    def __init__(
        self, threshold: int = 5, cool_down: float = 2.0, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._threshold = threshold
        self._cool_down = cool_down
        self._clock = clock
        self._failures = 0
        self._opened_at: float | None = None
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Whether calls are being refused, a probe aside."""
        return self._opened_at is not None

    def allow(self) -> bool:
        """Whether a call may be made now; each call allowed must end in `success`, `failure` or `abandoned`."""
        if self._opened_at is None:
            return True
        if self._probing or self._clock() - self._opened_at < self._cool_down:
            return False
        self._probing = True
        return True

    def success(self) -> None:
        """The service answered."""
        self._failures = 0
        self._opened_at = None
        self._probing = False

    def failure(self) -> None:
        """The service did not answer, or not as it should."""
        self._failures += 1
        if self._probing or self._failures >= self._threshold:
            self._opened_at = self._clock()
        self._probing = False

    def abandoned(self) -> None:
        """The call was given up before it could tell anything."""
        self._probing = False
