"""What this service signs and hashes with, open as long as it runs."""

from fastapi import FastAPI
from rapport.signing import secret_of

from profile_service.customer_links import CustomerLinks
from profile_service.pseudonyms import Pseudonyms
from profile_service.settings import ProfileSettings


async def open_secrets(app: FastAPI) -> None:
    """Keeps links and pseudonyms on `app.state`, with the secrets of the settings or those made at first start."""
    settings: ProfileSettings = app.state.settings
    database = app.state.database
    app.state.customer_links = CustomerLinks(
        await secret_of(database, "links", settings.link_secret), settings.public_url
    )
    app.state.pseudonyms = Pseudonyms(await secret_of(database, "pseudonyms", settings.pseudonym_key))
