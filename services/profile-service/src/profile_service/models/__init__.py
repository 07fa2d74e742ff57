"""The tables of the profile database."""

from profile_service.models.activity import Activity
from profile_service.models.audit import AuditEntry
from profile_service.models.base import Base
from profile_service.models.catalogue import Attribute, AttributeVersion
from profile_service.models.customer import Consent, Fact, FactExpiry, Suppression
from profile_service.models.imports import ImportFault, ImportFilePart, ListImport, ListMembership
from profile_service.models.ledger import CannotLink, Identity, Link
from profile_service.models.matching import MatchCandidate
from profile_service.models.people import Relationship
from profile_service.models.permission import HashedSuppression, OptIn, Registry, Restriction
from profile_service.models.privacy import PrivacyExport, PrivacyReceipt, PrivacyRequest
from profile_service.models.records import Record, RecordGrant, RecordUse, RecordVersion
from profile_service.models.search import SearchName, SearchPending, SearchWord
from profile_service.models.work import Job

__all__ = [
    "Activity",
    "Attribute",
    "AttributeVersion",
    "AuditEntry",
    "Base",
    "CannotLink",
    "Consent",
    "Fact",
    "FactExpiry",
    "HashedSuppression",
    "Identity",
    "ImportFault",
    "ImportFilePart",
    "Job",
    "Link",
    "ListImport",
    "ListMembership",
    "MatchCandidate",
    "OptIn",
    "PrivacyExport",
    "PrivacyReceipt",
    "PrivacyRequest",
    "Record",
    "RecordGrant",
    "RecordUse",
    "RecordVersion",
    "Registry",
    "Relationship",
    "Restriction",
    "SearchName",
    "SearchPending",
    "SearchWord",
    "Suppression",
]
