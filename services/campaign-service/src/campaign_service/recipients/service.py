"""A person's place in a campaign, also when they have none."""

from uuid import UUID

from rapport.database import Connection
from rapport.errors import NotFound

from campaign_service.campaigns.errors import CampaignNotFound
from campaign_service.recipients import repository
from campaign_service.recipients.schemas import AttemptOut, RecipientOut, RecipientWithAttempts


class RecipientNotFound(NotFound):
    name, title = "recipient-not-found", "This customer is not known here"


async def page(
    connection: Connection, campaign_id: UUID, after: UUID | None, limit: int, state: str | None, arm: str | None
) -> list[RecipientOut]:
    """Everybody of the audience, in or out, by profile id; raises `CampaignNotFound`."""
    if await repository.campaign(connection, campaign_id) is None:
        raise CampaignNotFound
    rows = await repository.page(connection, campaign_id, after, limit, state, arm)
    return [RecipientOut.model_validate(row) for row in rows]


async def one(connection: Connection, campaign_id: UUID, profile_id: UUID) -> RecipientWithAttempts:
    """Why this person did or did not get it; raises `CampaignNotFound`, `RecipientNotFound`."""
    campaign = await repository.campaign(connection, campaign_id)
    if campaign is None:
        raise CampaignNotFound(f"There is no campaign {campaign_id}.")
    row = await repository.one(connection, campaign_id, profile_id)
    if row is not None:
        tries = await repository.tries(connection, row["send_id"])
        return RecipientWithAttempts(**row, tries=[AttemptOut.model_validate(each) for each in tries])
    if not await repository.is_known(connection, profile_id):
        raise RecipientNotFound(f"No customer {profile_id} is known here, and none is in this campaign.")
    reason = "not_in_audience"
    if campaign["prepared_at"] is None:
        reason = "not_launched" if campaign["launched_at"] is None else "being_prepared"
    nothing = dict.fromkeys(RecipientWithAttempts.model_fields)
    place = {"campaign_id": campaign_id, "profile_id": profile_id, "included": False, "reason": reason}
    return RecipientWithAttempts.model_validate(nothing | place | {"state": "excluded", "attempts": 0, "tries": []})
