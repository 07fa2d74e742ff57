"""Influence as it is answered."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from segment_service.money import Money
from segment_service.pyramid.rules import ValueClass


class Influence(BaseModel):
    """What a customer buys and brings, in the period that counts for the value class.

    `own` are their own sales, `brought` those of all whom they referred, each times `decay` to the power of the depth
    (1 for those referred directly); `ratio` is the second over the first, null for who buys nothing. An opinion leader
    is neither top nor large, and brings more than they buy.
    """

    profile_id: UUID
    value_class: ValueClass
    own: Money
    brought: Money
    ratio: float | None
    direct_referrals: int
    referrals: int
    opinion_leader: bool


class InfluencePage(BaseModel):
    """Those who bring most first; `as_of` is when all changes were last counted, null before the first time."""

    as_of: datetime | None
    decay: float
    depth: int
    items: list[Influence]
    next_cursor: str | None


class Link(BaseModel):
    """Somebody on the chain, and how many referrals away."""

    profile_id: UUID
    depth: Annotated[int, Field(ge=1)]


class ReferredOut(Link):
    """Somebody whom the customer brought: who referred them, their sales of the period, and what of it counts."""

    referred_by: UUID
    sales: Money
    counted: Money


class ProfileInfluence(Influence):
    """A customer's influence at this moment, with those who brought them, and the first 500 whom they brought, nearest
    first; `referrals` says how many there are."""

    as_of: datetime
    decay: float
    depth: int
    referrers: list[Link]
    chain: list[ReferredOut]
