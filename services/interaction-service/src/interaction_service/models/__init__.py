"""Tables of interaction-service."""

from interaction_service.models.base import Base
from interaction_service.models.cases import Case
from interaction_service.models.conversations import Conversation, Message
from interaction_service.models.identities import MappedIdentity
from interaction_service.models.touchpoints import CollectedMessage, Rollup, Touchpoint

__all__ = ["Base", "Case", "CollectedMessage", "Conversation", "MappedIdentity", "Message", "Rollup", "Touchpoint"]
