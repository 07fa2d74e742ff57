"""One customer's stages."""

from datetime import datetime
from uuid import UUID

from rapport.database import Connection

from segment_service.lifecycle import repository
from segment_service.lifecycle.rules import history
from segment_service.lifecycle.schemas import LifecycleOut, StageOut
from segment_service.standing.errors import UnknownProfile
from segment_service.standing.repository import Rules, fitted


async def lifecycle(connection: Connection, profile_id: UUID, rules: Rules, now: datetime) -> LifecycleOut:
    """The stages of a profile up to `now`; an id that was merged away answers with the survivor's.

    Raises `UnknownProfile`.
    """
    found = await repository.contacted(connection, profile_id)
    if found is None:
        raise UnknownProfile(f"Profile {profile_id} is not known here, or has not arrived yet.")
    current, contacted_at = found
    rule = (await fitted(connection, rules)).lifecycle
    days = (await repository.order_days(connection, [current], now)).get(current, [])
    stages = [StageOut(stage=each.stage, since=each.since) for each in history(days, contacted_at, rule, now)]
    return LifecycleOut(profile_id=current, as_of=now, stages=stages, **stages[-1].model_dump())
