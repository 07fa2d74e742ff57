"""Composition root of profile-service."""

from collections.abc import Mapping
from typing import Final

from fastapi import FastAPI
from rapport.application import create_application
from rapport.feed import feed_router

from profile_service.attributes.router import router as attributes
from profile_service.audit.router import router as audit
from profile_service.consents.router import router as consents
from profile_service.consumers.workers import clients, follow_campaign, follow_interaction
from profile_service.facts.expiry import follow_expiry
from profile_service.facts.router import router as facts
from profile_service.grants.router import router as grants
from profile_service.imports.job import run as run_import
from profile_service.imports.job import sweep as sweep_imports
from profile_service.imports.router import router as imports
from profile_service.imports.service import JOB as IMPORT
from profile_service.jobs.router import router as jobs
from profile_service.jobs.worker import Handler, job_workers
from profile_service.links.router import router as links
from profile_service.matching.router import router as matching
from profile_service.matching.runs import match_run
from profile_service.matching.service import MATCH_RUN
from profile_service.policy import Policy
from profile_service.preferences.router import pages as customer_pages
from profile_service.preferences.router import router as preferences
from profile_service.privacy.router import router as privacy
from profile_service.privacy.service import JOB as PRIVACY_JOB
from profile_service.privacy.worker import carry_out as carry_out_privacy
from profile_service.profiles.router import router as profiles
from profile_service.records.router import router as records
from profile_service.relationships.router import router as relationships
from profile_service.search.service import keep_up as keep_search_up
from profile_service.settings import ProfileSettings
from profile_service.suppressions.router import router as suppressions

# What does the jobs of each kind; a feature with long work adds its own.
JOBS: Final[Mapping[str, Handler]] = {IMPORT: run_import, PRIVACY_JOB: carry_out_privacy, MATCH_RUN: match_run}
# Of these one at a time in all processes.
ALONE: Final = frozenset({IMPORT, MATCH_RUN})


def create_app(settings: ProfileSettings | None = None) -> FastAPI:
    """The application; settings come from the environment unless given."""
    settings = settings or ProfileSettings()
    app = create_application(
        "profile",
        settings,
        description="Who a customer is: recognition, the ledger behind it, facts with provenance, consent.",
        routers=[
            profiles,
            links,
            facts,
            attributes,
            consents,
            suppressions,
            preferences,
            customer_pages,
            records,
            grants,
            relationships,
            privacy,
            matching,
            audit,
            jobs,
            imports,
            feed_router("profile", "profiles:read"),
        ],
        workers=[
            follow_interaction,
            follow_campaign,
            follow_expiry,
            keep_search_up,
            sweep_imports,
            *job_workers(JOBS, alone=ALONE),
        ],
        resources=clients,
    )
    app.state.policy = Policy(settings.guards(), settings.default_country, settings.consents())
    return app
