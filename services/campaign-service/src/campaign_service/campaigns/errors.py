"""Problems of campaigns."""

from rapport.errors import Conflict, Invalid, NotFound


class CampaignNotFound(NotFound):
    name, title = "campaign-not-found", "There is no such campaign"


class JobNotFound(NotFound):
    name, title = "job-not-found", "There is no such job"


class NotDraft(Conflict):
    name, title = "campaign-not-draft", "A campaign is changed only before its launch"


class TransitionRefused(Conflict):
    name, title = "transition-refused", "The campaign is in a state that does not allow this"


class NotLaunchable(Invalid):
    name, title = "campaign-incomplete", "The campaign lacks something that a launch needs"
