"""Computing customers anew after a correction: asked for with the correction, done in batches that survive a crash."""

from collections.abc import Sequence
from datetime import date
from typing import Final, Literal

from rapport.database import Connection, Database

from segment_service.columns import repository as columns
from segment_service.columns.parts import TWINS, months_between, service_part
from segment_service.rates.rules import Days
from segment_service.revaluation import repository
from segment_service.standing.changes import change
from segment_service.standing.repository import Rules, next_version, profiles_of, take_turn

Kind = Literal["rates", "service", "everybody"]
RATES: Final[Kind] = "rates"
SERVICE: Final[Kind] = "service"
EVERYBODY: Final[Kind] = "everybody"
_AT_ONCE: Final = 2_000


async def revalue(connection: Connection, kind: Kind, subject: str, days: Days) -> None:
    """Have everybody concerned computed anew, and their column files written anew; in the correction's transaction
    and turn."""
    await repository.add(connection, kind, subject, *days)
    parts = await columns.parts(connection)
    behind = months_between(parts, *days) | ({TWINS} & parts.keys())
    if behind:
        await columns.mark_behind(connection, behind, await next_version(connection))


async def revalue_service(
    connection: Connection, channel: str, days: Days, months: Sequence[date], *, everybody: bool
) -> None:
    """The same after costs of contacts on a channel were corrected; `months` are those with such contacts."""
    await repository.add(connection, EVERYBODY if everybody else SERVICE, channel, *days)
    if months:
        behind = {service_part(month) for month in months}
        await columns.mark_behind(connection, behind, await next_version(connection))


async def revalue_everybody(connection: Connection, why: str, since: date) -> None:
    """Have all customers computed anew."""
    await repository.add(connection, EVERYBODY, why, since, None)


async def work(database: Database, rules: Rules) -> bool:
    """Do the next batch; whether there was one."""
    async with database.transaction() as connection:
        job = await repository.take(connection)
        if job is None:
            return False
        await take_turn(connection)
        found = await repository.identities(connection, job, _AT_ONCE)
        concerned = [identity for identity, is_so in found if is_so]
        if concerned:
            await change(connection, await profiles_of(connection, concerned), rules)
        if len(found) < _AT_ONCE:
            await repository.end(connection, job)
        else:
            await repository.move_on(connection, job, found[-1][0])
    return True
