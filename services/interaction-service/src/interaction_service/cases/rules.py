"""What a change of a case means. Pure."""

SETTLED = frozenset({"resolved", "closed"})


def announcement(before: str, after: str) -> str:
    """The event that a change of state from `before` to `after` is announced with.

    One that settles the case closes it for those who wait for that, whether or not its file is closed too.
    """
    if after in SETTLED and before not in SETTLED:
        return "case.closed"
    if before in SETTLED and after not in SETTLED:
        return "case.opened"
    return "case.updated"
