"""Spellings that one provider of e-mail delivers to one mailbox, by what the providers publish. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple
from uuid import UUID

from rapport.identity import Identifier, confidence

from profile_service.ledger.guards import Guards
from profile_service.ledger.records import Evidence, Sighting, View

SOURCE: Final = "provider_rules"


class _Provider(NamedTuple):
    """How a provider reads what is before the @: whether dots count, and the domain that its others stand for."""

    dots: bool = True
    domain: str | None = None


# All of these deliver `name+tag` to `name`. Domains that are names of their own at one provider stay apart.
_GMAIL: Final = _Provider(dots=False, domain="gmail.com")
_TAGS: Final = _Provider()
_WITH_TAGS: Final = (
    "outlook.com hotmail.com live.com msn.com fastmail.com fastmail.fm icloud.com me.com mac.com "
    "proton.me protonmail.com pm.me"
)
_PROVIDERS: Final[Mapping[str, _Provider]] = {
    "gmail.com": _GMAIL,
    "googlemail.com": _GMAIL,
    **dict.fromkeys(_WITH_TAGS.split(), _TAGS),
}


def mailbox(identifier: Identifier) -> Identifier | None:
    """The plainest spelling of an e-mail address's mailbox; None where that is the one given, or nothing is known."""
    if identifier.kind != "email":
        return None
    local, _, domain = identifier.value.rpartition("@")
    provider = _PROVIDERS.get(domain)
    if provider is None or local.startswith('"'):
        return None
    name = local.partition("+")[0]
    if not provider.dots:
        name = name.replace(".", "")
    plain = f"{name}@{provider.domain or domain}"
    return Identifier("email", plain) if name and plain != identifier.value else None


def with_mailboxes(sightings: Iterable[Sighting], guards: Guards) -> tuple[list[Sighting], dict[UUID, Sighting]]:
    """Sightings and, where the firm goes by the rules of providers, those of the mailboxes; these by other spelling."""
    found = list(sightings)
    boxes: dict[UUID, Sighting] = {}
    if guards.email_provider_rules:
        for each in found:
            plain = mailbox(Identifier(each.kind, each.value))
            if plain is not None and not guards.blocks("email", each.value) and not guards.blocks("email", plain.value):
                boxes[each.identity_id] = Sighting.of(plain, each.seen_at, each.profile_kind)
    return [*found, *boxes.values()], boxes


def evidence(view: View, met: Mapping[UUID, Sighting], boxes: Mapping[UUID, Sighting]) -> list[Evidence]:
    """That spellings met and their mailboxes are one, unless they are so already and were at that time."""
    return [
        Evidence(
            spelling,
            box.identity_id,
            "same_call",
            SOURCE,
            met[spelling].seen_at,
            confidence=confidence("email"),
        )
        for spelling, box in boxes.items()
        if not _joined(view, met[spelling], box.identity_id)
    ]


def _joined(view: View, spelling: Sighting, box: UUID) -> bool:
    one, other = view.identities.get(spelling.identity_id), view.identities.get(box)
    if one is None or other is None:
        return False
    return one.profile_id == other.profile_id and spelling.seen_at >= one.first_seen
