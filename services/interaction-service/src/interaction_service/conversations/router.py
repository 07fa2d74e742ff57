"""Conversations of a customer, and one by its id."""

from uuid import UUID

from fastapi import Request, Response
from rapport.auth import needs
from rapport.concurrency import etag
from rapport.database import Reading, Transaction
from rapport.errors import documented
from rapport.pagination import Cursor, Limit, Page
from rapport.routing import service_router

from interaction_service.conversations import service
from interaction_service.conversations.repository import Stored
from interaction_service.conversations.rules import Said
from interaction_service.conversations.schemas import ConversationPatch, ConversationView, MessageView, NewMessage
from interaction_service.dependencies import MonthPartitions, OfCustomer

router = service_router("conversations")


@router.get("/profiles/{profile_id}/conversations", dependencies=[needs("interactions:read")])
async def conversations(
    who: OfCustomer, connection: Reading, limit: Limit = 50, cursor: Cursor = None
) -> Page[ConversationView]:
    """A customer's conversations, the most recent first."""
    found, following = await service.listed(connection, who.identities, limit, cursor)
    return Page(items=[_view(each) for each in found], next_cursor=following)


@router.get("/conversations/{conversation_id}", dependencies=[needs("interactions:read")])
async def conversation(conversation_id: UUID, response: Response, connection: Reading) -> ConversationView:
    """One conversation with its last ten messages."""
    found = (await service.read(connection, conversation_id)).summarised()
    response.headers["ETag"] = etag(found.version)
    return _view(found)


@router.patch("/conversations/{conversation_id}", dependencies=[needs("interactions:write")], responses=documented(412))
async def amend(
    conversation_id: UUID, patch: ConversationPatch, request: Request, response: Response, connection: Transaction
) -> ConversationView:
    """Change topic, state or summary."""
    found = await service.amend(connection, request, conversation_id, patch)
    response.headers["ETag"] = etag(found.version)
    return _view(found)


@router.post("/conversations/{conversation_id}/messages", status_code=201, dependencies=[needs("interactions:write")])
async def say(
    conversation_id: UUID, message: NewMessage, partitions: MonthPartitions, connection: Transaction
) -> MessageView:
    """Add what was said to an open conversation."""
    return _message(await service.add_message(connection, partitions, conversation_id, message))


def _view(stored: Stored) -> ConversationView:
    return ConversationView.model_validate(stored, from_attributes=True)


def _message(said: Said) -> MessageView:
    return MessageView.model_validate(said, from_attributes=True)
