"""Problems of conversations."""

from rapport.errors import Conflict, NotFound


class UnknownConversation(NotFound):
    """No conversation has this id."""

    name, title = "unknown-conversation", "There is no such conversation"


class ConversationClosed(Conflict):
    """Nothing is added to a closed conversation."""

    name, title = "conversation-closed", "The conversation is closed"
