"""SQLAlchemy tables of segment-service."""

from segment_service.models.base import Base
from segment_service.models.customer import Contact, ContactMonth, Customer, IdentityMap, Ranking, ServiceCost
from segment_service.models.purchase import IdentityCurrency, Purchase, Rate, Refund, Revaluation
from segment_service.models.work import Job, Part

__all__ = [
    "Base",
    "Contact",
    "ContactMonth",
    "Customer",
    "IdentityCurrency",
    "IdentityMap",
    "Job",
    "Part",
    "Purchase",
    "Ranking",
    "Rate",
    "Refund",
    "Revaluation",
    "ServiceCost",
]
