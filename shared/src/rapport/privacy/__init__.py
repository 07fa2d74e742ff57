"""A person's data in one service: given out as a whole, and erased wherever it lies.

A service declares what its tables hold of a person; both calls follow from that. Only profile-service knows which
identities a person has, asks every service, and repeats the round until none finds anything more: a consumer may have
written something again that it had fetched before its source was erased.
"""

from rapport.privacy.erasing import Erasing, erase
from rapport.privacy.holdings import Holding, Person, holdings_of
from rapport.privacy.router import privacy_router
from rapport.privacy.tables import erasure_tables

__all__ = ["Erasing", "Holding", "Person", "erase", "erasure_tables", "holdings_of", "privacy_router"]
