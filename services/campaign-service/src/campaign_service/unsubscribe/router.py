"""`/u/{token}`: open to whoever holds a link from a message."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import HTMLResponse
from rapport.database import Reading, Transaction
from rapport.errors import documented

from campaign_service.unsubscribe import page, service

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}
Token = Annotated[str, Path(max_length=200)]

router = APIRouter(tags=["unsubscribe"], responses=documented(404, 422, 503))


@router.get("/u/{token}", response_class=HTMLResponse)
async def show(token: Token, request: Request, connection: Reading) -> Response:
    """A page with a button. Nothing changes: mail programs and scanners fetch links by themselves."""
    try:
        done = await service.state(connection, request.app.state.links, token)
    except service.LinkUnknown:
        if "text/html" not in request.headers.get("accept", ""):
            raise
        return HTMLResponse(page.UNKNOWN, 404, headers=_HEADERS)
    return HTMLResponse(page.DONE if done else page.ASK, headers=_HEADERS)


@router.post("/u/{token}", response_class=HTMLResponse)
async def act(token: Token, request: Request, connection: Transaction) -> Response:
    """Unsubscribe: by the button of the page, or by a mail program (RFC 8058, `List-Unsubscribe=One-Click`)."""
    await service.unsubscribe(connection, request.app.state.links, token)
    return HTMLResponse(page.DONE, headers=_HEADERS)
