"""SQLAlchemy tables of segment-service."""

from segment_service.models.base import Base
from segment_service.models.churn import ChurnEpisode, ChurnFollow, ChurnStatement
from segment_service.models.clv import ClvFit, ClvScore, ClvScoring
from segment_service.models.copies import (
    Consent,
    Event,
    ProfileCopy,
    PurchaseLine,
    Relationship,
    Trait,
    UnreadProfile,
)
from segment_service.models.customer import (
    Contact,
    ContactMonth,
    Customer,
    IdentityMap,
    Ranking,
    ServiceCost,
    StandingChange,
)
from segment_service.models.grades import GradeHeld, Grading, NeedGroup, NeedHeld, Treatment
from segment_service.models.influence import Influence, InfluenceFollow
from segment_service.models.learning import Clustering, ClusteringMember, Lookalike, LookalikeScore
from segment_service.models.purchase import IdentityCurrency, Purchase, Rate, Refund, Revaluation
from segment_service.models.spending import Competitor, SpendBenchmark, SpendEstimate
from segment_service.models.watching import Judgement, Listed, Segment, WatchedRule
from segment_service.models.work import ColumnChange, ColumnPart, Job, Part, Unevaluated

__all__ = [
    "Base",
    "ChurnEpisode",
    "ChurnFollow",
    "ChurnStatement",
    "Clustering",
    "ClusteringMember",
    "ClvFit",
    "ClvScore",
    "ClvScoring",
    "ColumnChange",
    "ColumnPart",
    "Competitor",
    "Consent",
    "Contact",
    "ContactMonth",
    "Customer",
    "Event",
    "GradeHeld",
    "Grading",
    "IdentityCurrency",
    "IdentityMap",
    "Influence",
    "InfluenceFollow",
    "Job",
    "Judgement",
    "Listed",
    "Lookalike",
    "LookalikeScore",
    "NeedGroup",
    "NeedHeld",
    "Part",
    "ProfileCopy",
    "Purchase",
    "PurchaseLine",
    "Ranking",
    "Rate",
    "Refund",
    "Relationship",
    "Revaluation",
    "Segment",
    "ServiceCost",
    "SpendBenchmark",
    "SpendEstimate",
    "StandingChange",
    "Trait",
    "Treatment",
    "Unevaluated",
    "UnreadProfile",
    "WatchedRule",
]
