"""Which grade a customer has: pure."""

from collections.abc import Collection, Sequence


def grade_of(
    grades: Sequence[str], held: Collection[str], entering: Collection[str], keeping: Collection[str]
) -> str | None:
    """The highest of `grades` that is entered, or kept by who holds it or a higher one; None if there is none.

    `keeping` are the grades whose condition to stay holds: it is weaker than that to enter, so that nobody moves to and
    fro around one threshold.
    """
    highest_held = min((grades.index(each) for each in held if each in grades), default=len(grades))
    for place, grade in enumerate(grades):
        if grade in entering or (highest_held <= place and grade in keeping):
            return grade
    return None
