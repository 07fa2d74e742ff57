"""How sure a need is: pure."""

from collections.abc import Iterable


def confidence(weights: Iterable[float]) -> float:
    """How sure independent pieces of evidence, each so sure by itself, make a need together: noisy or (Pearl 1988)."""
    doubt = 1.0
    for weight in weights:
        doubt *= 1.0 - weight
    return round(1.0 - doubt, 6)
