"""Which treatment a customer gets: pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Policy:
    """A treatment and whom it is for: customers of one of `classes` who hold one of the grades of each scheme named.

    No classes are all of them.
    """

    key: str
    priority: int
    classes: frozenset[str]
    grades: Mapping[str, frozenset[str]]
    document: Mapping[str, Any]

    def fits(self, value_class: str, grades: Mapping[str, str]) -> bool:
        """Whether it is for a customer of this class and these grades by scheme."""
        return (not self.classes or value_class in self.classes) and all(
            grades.get(scheme) in wanted for scheme, wanted in self.grades.items()
        )


def resolve(policies: Sequence[Policy], value_class: str, grades: Mapping[str, str]) -> tuple[Policy, str] | None:
    """The treatment of a customer, and why it is this one; None if none is for them.

    Of several the one of the highest priority, then the one that asks for more, then the first by its key.
    """
    fitting = [each for each in policies if each.fits(value_class, grades)]
    if not fitting:
        return None
    best = min(fitting, key=lambda each: (-each.priority, -len(each.grades) - bool(each.classes), each.key))
    because = [f"class {value_class}"] if best.classes else []
    because += [f"{scheme} {grades[scheme]}" for scheme in sorted(best.grades)]
    others = sorted(each.key for each in fitting if each is not best)
    reason = f"for {' and '.join(because) or 'everybody'}"
    return best, f"{reason}; before {', '.join(others)}" if others else reason
