"""What this service's own tables hold of a person."""

from typing import Any, Final

from rapport.privacy import Holding, holdings_of

from profile_service.models import Base

_THEIRS: Final = "identity_id = ANY({identities})"
_THEIR_GRANTS: Final = "owner = ANY({identities}) OR grantee = ANY({identities})"
# A word of a name stays in the dictionary as long as somebody else has it.
_THEIR_WORDS: Final = """
    word IN (SELECT unnest(words) FROM search_name WHERE profile_id = ANY({profiles})) AND NOT EXISTS (
        SELECT FROM search_name AS other
        WHERE other.words @> ARRAY[search_word.word] AND other.profile_id <> ALL({profiles}))
"""
_DECLARED: Final = (
    Holding("search_word", _THEIR_WORDS, exported=False),
    Holding("search_name", "profile_id = ANY({profiles})", exported=False),
    # The person's side of the ledger; what is known of a device that others use too stays theirs.
    Holding("link", "a = ANY({own}) OR b = ANY({own})"),
    Holding("cannot_link", "a = ANY({own}) OR b = ANY({own})"),
    Holding("match_candidate", "a = ANY({own}) OR b = ANY({own})", key="candidate_id"),
    Holding("identity", "identity_id = ANY({own})"),
    Holding("suppression", "identity_id = ANY({own})"),
    Holding("record_version", f"record_id IN (SELECT record_id FROM record WHERE {_THEIRS})"),
    Holding("record", key="record_id"),
    Holding("record_use", f"grant_id IN (SELECT grant_id FROM record_grant WHERE {_THEIR_GRANTS})"),
    Holding("record_grant", _THEIR_GRANTS, key="grant_id"),
    Holding("relationship", "a = ANY({identities}) OR b = ANY({identities})", key="relationship_id"),
    Holding("import_fault", "value = ANY({values})", exported=False),
    Holding(
        "privacy_export",
        "request_id IN (SELECT request_id FROM privacy_request WHERE own && {identities})",
        exported=False,
    ),
    Holding(
        "privacy_request",
        "type <> 'erasure' AND own && {identities}",
        keep="asked = '{{}}', own = '{{}}', shared = '{{}}', named = '{{}}'",
    ),
)
_IMPERSONAL: Final = frozenset(
    {
        "attribute",
        # Who read and changed whose file stays, under a profile id that leads nowhere any more.
        "audit",
        "attribute_version",
        "fact_expiry",
        "hashed_suppression",
        "import_file_part",  # gone with the job that reads it
        "job",
        "list_import",
        "privacy_receipt",
        "search_pending",  # ids alone, worked off within a second
        "suppression_registry",
    }
)

HOLDINGS: Final = holdings_of(Base.metadata, _DECLARED, _IMPERSONAL)


def without(data: Any, gone: Any) -> Any:
    """An `identity.assigned` event, which is about many people, without those who are gone."""
    return {**data, "assignments": [each for each in data["assignments"] if each["identity_id"] not in gone]}


def as_it_is(data: Any, _gone: Any) -> Any:
    """An event that names a person by nothing but a random id that leads nowhere now."""
    return data
