"""Problems with churn episodes."""

from rapport.errors import Conflict, NotFound


class UnknownEpisode(NotFound):
    name, title = "unknown-churn-episode", "There is no such churn episode"


class EpisodeOver(Conflict):
    name, title = "churn-episode-over", "The churn episode is over"
