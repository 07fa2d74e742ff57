"""Change travels by feed: the outbox is written in the transaction that changed something, others read it in order.

After HTTP Feeds (http-feeds.org) with CloudEvents 1.0.
"""

from rapport.feed.consumer import FeedConsumer
from rapport.feed.events import Event, ReceivedEvent
from rapport.feed.outbox import append, common_tables
from rapport.feed.server import feed_router

__all__ = ["Event", "FeedConsumer", "ReceivedEvent", "append", "common_tables", "feed_router"]
