"""The router every feature uses: idempotent POSTs and documented problem answers."""

from enum import Enum

from fastapi import APIRouter

from rapport.errors import documented
from rapport.idempotency import Route


def service_router(*tags: str, prefix: str = "/v1", problems: tuple[int, ...] = (404, 409)) -> APIRouter:
    """A router whose answers to bad tokens and bad input are documented, and `problems` besides."""
    names: list[str | Enum] = list(tags)
    return APIRouter(
        prefix=prefix,
        tags=names,
        route_class=Route,
        responses=documented(400, 401, 403, 422, 503, *problems),
    )
