"""SQLAlchemy tables of campaign-service."""

from campaign_service.models.base import Base
from campaign_service.models.campaign import Campaign, Job, Template
from campaign_service.models.decision import Decision
from campaign_service.models.projections import CampaignResponse, Case, GoalEvent, IdentityMap, Purchase, Refund
from campaign_service.models.sending import Attempt, Recipient, Send, Unsubscribe

__all__ = [
    "Attempt",
    "Base",
    "Campaign",
    "CampaignResponse",
    "Case",
    "Decision",
    "GoalEvent",
    "IdentityMap",
    "Job",
    "Purchase",
    "Recipient",
    "Refund",
    "Send",
    "Template",
    "Unsubscribe",
]
