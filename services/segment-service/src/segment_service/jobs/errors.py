"""Problems with jobs."""

from rapport.errors import Conflict, NotFound


class UnknownJob(NotFound):
    name, title = "unknown-job", "There is no such job"


class JobFinished(Conflict):
    name, title = "job-finished", "The job has ended already"


class LeaseLost(Exception):
    """The job is another worker's by now, or cancelled: whatever this worker was about to write must not count."""
