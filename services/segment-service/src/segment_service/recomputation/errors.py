"""What can be wrong with a question about a job."""

from rapport.errors import NotFound


class UnknownJob(NotFound):
    name, title = "unknown-job", "There is no such job"
