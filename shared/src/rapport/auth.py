"""Who may call what: a dependency that needs a scope, cheap enough for hot reads."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.openapi.models import HTTPBearer as HTTPBearerModel
from fastapi.params import Depends as DependsMarker
from fastapi.security.base import SecurityBase

from rapport.errors import Forbidden, Unauthorized
from rapport.tokens import Principal, TokenVerifier


def principal_of(request: Request) -> Principal:
    """The verified caller; raises `Unauthorized`."""
    header = request.headers.get("authorization", "")
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthorized("Send the header `Authorization: Bearer <token>`.")
    verifier: TokenVerifier = request.app.state.verifier
    return verifier.verify(token.strip())


class Scope(SecurityBase):
    """Needs a bearer token that carries one of `scopes`; 401 without a token, 403 that names the missing scope."""

    def __init__(self, *scopes: str) -> None:
        self.scopes = scopes
        self.model = HTTPBearerModel(description="A signed token with the scope named at each call")
        self.scheme_name = "token"

    async def __call__(self, request: Request) -> Principal:
        principal = principal_of(request)
        if not any(principal.may(scope) for scope in self.scopes):
            wanted = " or ".join(self.scopes)
            raise Forbidden(f"The token lacks the scope {wanted}.", scope=wanted)
        return principal


def needs(*scopes: str) -> DependsMarker:
    """`Depends` on a caller with one of `scopes`."""
    return DependsMarker(Scope(*scopes))


Caller = Annotated[Principal, Depends(principal_of)]
