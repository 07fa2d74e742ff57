"""Problems with match candidates."""

from rapport.errors import Conflict, NotFound


class UnknownCandidate(NotFound):
    name, title = "unknown-match-candidate", "There is no such match candidate"


class CandidateDecided(Conflict):
    name, title = "match-candidate-decided", "The match candidate has been decided otherwise"
