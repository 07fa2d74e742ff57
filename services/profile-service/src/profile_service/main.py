"""Composition root of profile-service."""

from fastapi import FastAPI
from rapport.application import create_application
from rapport.feed import feed_router

from profile_service.consents.router import router as consents
from profile_service.consumers.workers import clients, follow_campaign, follow_interaction
from profile_service.facts.router import router as facts
from profile_service.links.router import router as links
from profile_service.policy import Policy
from profile_service.profiles.router import router as profiles
from profile_service.settings import ProfileSettings


def create_app(settings: ProfileSettings | None = None) -> FastAPI:
    """The application; settings come from the environment unless given."""
    settings = settings or ProfileSettings()
    app = create_application(
        "profile",
        settings,
        description="Who a customer is: recognition, the ledger behind it, facts with provenance, consent.",
        routers=[profiles, links, facts, consents, feed_router("profile", "profiles:read")],
        workers=[follow_interaction, follow_campaign],
        resources=clients,
    )
    app.state.policy = Policy(settings.guards(), settings.default_country)
    return app
