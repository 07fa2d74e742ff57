"""`/p/{token}` and `/c/{token}`: open to the customer who holds the link; and the call that makes one."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import HTMLResponse
from rapport.auth import needs
from rapport.database import Reading, Transaction
from rapport.errors import documented
from rapport.routing import service_router
from starlette.datastructures import FormData

from profile_service.audit.trail import note
from profile_service.consents import service as consents
from profile_service.customer_links import Linked
from profile_service.errors import UnknownProfile
from profile_service.ledger import repository as ledger
from profile_service.policy import Policed
from profile_service.preferences import page, service
from profile_service.preferences.errors import LinkUnknown
from profile_service.preferences.schemas import LinkAnswer, LinkBody
from profile_service.pseudonyms import Pseudonymous

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "Vary": "Accept-Language",
}
_FORM: Final[dict[str, Any]] = {
    "requestBody": {
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "action": {"enum": ["save", "nothing"]},
                        "allow": {"type": "array", "items": {"type": "string"}, "description": "channel/purpose"},
                        "lang": {"type": "string"},
                    },
                }
            }
        }
    }
}
Token = Annotated[str, Path(max_length=200)]
Language = Annotated[str | None, Query(max_length=35, description="Language of the page: en, zh-Hant or vi")]

router = service_router("preferences", problems=(404,))
pages = APIRouter(tags=["preferences"], responses=documented(400, 404, 422, 503))


@router.post("/profiles/{profile_id}/preference-links", status_code=201, dependencies=[needs("profiles:write")])
async def make_link(
    profile_id: UUID, connection: Transaction, links: Linked, body: LinkBody | None = None
) -> LinkAnswer:
    """A link to the page where this customer says what they allow; to be sent to them and to nobody else."""
    if not await ledger.members_of(connection, [profile_id]):
        raise UnknownProfile(f"There is no profile {profile_id}.")
    expires_at = datetime.now(UTC) + timedelta(days=(body or LinkBody()).valid_days)
    url = links.preferences(profile_id, expires_at)
    return LinkAnswer(profile_id=profile_id, url=url, token=url.rpartition("/")[2], expires_at=expires_at)


@pages.get("/p/{token}", response_class=HTMLResponse)
async def show(
    token: Token,
    request: Request,
    connection: Reading,
    links: Linked,
    policy: Policed,
    pseudonyms: Pseudonymous,
    lang: Language = None,
) -> Response:
    """What the customer allows, as a form. Nothing changes: mail programs and scanners fetch links by themselves."""
    try:
        profile = await service.opened(connection, links, token)
    except LinkUnknown:
        return _lost(request, lang)
    texts = service.language(profile, lang, request.headers.get("accept-language"))
    shown = await service.choices(connection, pseudonyms, policy.consents, profile)
    return _answer(page.choices(texts, shown, saved=False))


@pages.post("/p/{token}", response_class=HTMLResponse, openapi_extra=_FORM)
async def save(
    token: Token,
    request: Request,
    connection: Transaction,
    links: Linked,
    policy: Policed,
    pseudonyms: Pseudonymous,
    lang: Language = None,
) -> Response:
    """Save what is ticked, or stop everything."""
    form = await request.form()
    lang = _text(form, "lang") or lang
    try:
        profile = await service.opened(connection, links, token)
    except LinkUnknown:
        return _lost(request, lang)
    texts = service.language(profile, lang, request.headers.get("accept-language"))
    note(request, [profile.profile_id])
    shown = await service.choices(connection, pseudonyms, policy.consents, profile)
    if _text(form, "action") == "nothing":
        await service.refuse_all(connection, profile.profile_id, shown, texts)
    else:
        allowed = {each for each in form.getlist("allow") if isinstance(each, str)}
        await service.save(connection, profile.profile_id, shown, allowed, texts)
    shown = await service.choices(connection, pseudonyms, policy.consents, profile)
    return _answer(page.choices(texts, shown, saved=True))


@pages.get("/c/{token}", response_class=HTMLResponse)
async def ask(token: Token, request: Request, connection: Reading, links: Linked, lang: Language = None) -> Response:
    """The page with the button that confirms a consent (double opt-in)."""
    try:
        opt_in, profile = await service.waiting(connection, links, token)
    except LinkUnknown:
        return _lost(request, lang)
    texts = service.language(profile, lang, request.headers.get("accept-language"))
    done = opt_in.confirmed_at is not None
    return _answer(page.confirmed(texts) if done else page.confirmation(texts, opt_in.channel, opt_in.purpose))


@pages.post("/c/{token}", response_class=HTMLResponse)
async def confirm(
    token: Token, request: Request, connection: Transaction, links: Linked, lang: Language = None
) -> Response:
    """Confirm a consent; from now on it counts. Doing it again changes nothing."""
    lang = _text(await request.form(), "lang") or lang
    try:
        opt_in, profile = await service.waiting(connection, links, token)
    except LinkUnknown:
        return _lost(request, lang)
    note(request, [profile.profile_id])
    await consents.confirm(connection, opt_in.opt_in_id)
    return _answer(page.confirmed(service.language(profile, lang, request.headers.get("accept-language"))))


def _answer(html: str, status: int = 200) -> Response:
    return HTMLResponse(html, status, headers=_HEADERS)


def _lost(request: Request, lang: str | None) -> Response:
    """A page for people, a problem for programs."""
    if "text/html" not in request.headers.get("accept", ""):
        raise LinkUnknown
    return _answer(page.lost(service.language(None, lang, request.headers.get("accept-language"))), 404)


def _text(form: FormData, name: str) -> str | None:
    value = form.get(name)
    return value if isinstance(value, str) else None
