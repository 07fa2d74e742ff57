"""Rules as SQL, compiled once for each rule and engine.

Ibis takes seconds to import and tens of milliseconds to compile: both are done in a thread, never on the event loop.
"""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Final, Literal

from segment_service.conditions.relations import ABSENT
from segment_service.conditions.rules import All, Rule

Form = Literal["judged", "members"]
# PostgreSQL has the relations twice: of everybody, and of the profiles that just changed.
Place = Literal["everybody", "touched", "duckdb", "spark"]

_DIALECTS: Final[Mapping[Place, tuple[str, str | None]]] = {
    "everybody": ("postgres", "rule"),
    "touched": ("postgres", "touched"),
    "duckdb": ("duckdb", None),
    "spark": ("pyspark", None),
}
_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="rules")


def warm_up() -> None:
    """Have the thread load what compiling needs, without waiting for it."""
    _thread.submit(compiled, All(()), "members", "everybody")


async def statement(rule: Rule, form: Form, place: Place) -> str:
    """`compiled` in a thread."""
    return await asyncio.get_running_loop().run_in_executor(_thread, compiled, rule, form, place)


@lru_cache(maxsize=2_048)
def compiled(rule: Rule, form: Form, place: Place) -> str:
    """The query of a rule over the logical relations; without parameters, `now` is the one row of `clock`.

    `judged`: everybody, or everybody touched, one row each: `profile_id`, `matches`, `due_at` (UTC without an offset,
    NULL when time alone changes nothing). `members`: `profile_id` of those who match.
    """
    import ibis  # noqa: PLC0415  see above

    from segment_service.conditions import expressions  # noqa: PLC0415  see above

    dialect, schema = _DIALECTS[place]
    expression = (expressions.judged if form == "judged" else expressions.members)(rule, schema, ABSENT)
    return str(ibis.to_sql(expression, dialect=dialect, pretty=False))
