"""I4: spellings of an e-mail address that its provider delivers to one mailbox, where the firm goes by such rules."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path
from typing import cast

import httpx
import pytest
from profile_service.consumers import interaction
from profile_service.ledger.providers import mailbox
from profile_service.main import create_app
from profile_service.settings import ProfileSettings
from rapport.identity import Identifier
from rapport.tokens import KeyStore

from tests.conftest import DatabaseFactory, TokenFactory
from tests.profile.conftest import SCOPES, Profiles, pairs
from tests.profile.lists import SPEC, Lists
from tests.profile.touchpoints import touchpoint
from tests.support.http import serve

DOTTED, TAGGED, PLAIN = "ada.love@gmail.com", "adalove+news@googlemail.com", "adalove@gmail.com"
AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def ruled(database: DatabaseFactory, keys: KeyStore, token: TokenFactory) -> AsyncIterator[Profiles]:
    """A profile-service whose firm goes by the rules of providers."""
    settings = ProfileSettings(
        database_url=await database("profile"), role="api", jwks_file=keys.jwks_path, default_country="TW",
        email_provider_rules=True,
    )  # fmt: skip
    app = create_app(settings)
    headers = {"Authorization": f"Bearer {token(*SCOPES)}"}
    async with serve(app) as base, httpx.AsyncClient(base_url=base, headers=headers, timeout=30) as client:
        profiles = Profiles(client, app.state.database)
        profiles.settings = settings  # type: ignore[attr-defined]
        yield profiles


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        (DOTTED, PLAIN),
        (TAGGED, PLAIN),
        (PLAIN, None),
        ("ada.love+x@outlook.com", "ada.love@outlook.com"),
        ("ada.love@outlook.com", None),
        ("ada+x@fastmail.com", "ada@fastmail.com"),
        ("a.da+x@example.org", None),
        ("+x@gmail.com", None),
    ],
)
def test_i4_the_mailbox_behind_a_spelling(written: str, plain: str | None) -> None:
    found = mailbox(Identifier("email", written))
    assert (found and found.value) == plain
    assert found is None or mailbox(found) is None
    assert mailbox(Identifier("user_id", written)) is None


async def test_i4_two_spellings_that_never_met_are_one_customer(ruled: Profiles) -> None:
    ada = (await ruled.resolve(("email", DOTTED)))["profile_id"]
    # Known before it was ever seen, and not written down by merely asking.
    assert await ruled.profile_of("email", TAGGED) == ada
    assert len(await ruled.map()) == 2
    again = await ruled.resolve(("email", TAGGED))
    assert (again["profile_id"], again["created"]) == (ada, False)
    assert len(await ruled.map()) == 3
    links = await ruled.ledger(ada)
    assert [(each["kind"], each["source"], each["state"]) for each in links] == [
        ("same_call", "provider_rules", "accepted")
    ] * 2
    other = await ruled.client.post("/v1/profiles", json={"identifiers": pairs(("email", "adal.ove@gmail.com"))})
    assert (other.status_code, other.json()["profile_id"]) == (409, ada)


async def test_i6_a_link_by_provider_rules_is_undone_for_good(ruled: Profiles) -> None:
    await ruled.resolve(("email", DOTTED))
    await ruled.resolve(("email", TAGGED))
    links = await ruled.ledger(await ruled.profile_of("email", DOTTED))
    assert (await ruled.client.delete(f"/v1/links/{links[0]['link_id']}")).status_code == 200
    assert await ruled.profile_of("email", DOTTED) != await ruled.profile_of("email", TAGGED)
    await ruled.resolve(("email", TAGGED), ("user_id", "ada"))
    await ruled.resolve(("email", DOTTED), ("user_id", "bob"))
    assert await ruled.profile_of("email", DOTTED) != await ruled.profile_of("email", TAGGED)
    assert await ruled.profile_of("email", TAGGED) == await ruled.profile_of("user_id", "ada")


async def test_i4_touchpoints_in_any_order_give_the_same_customer(ruled: Profiles) -> None:
    policy = create_app(ruled.settings).state.policy  # type: ignore[attr-defined]
    found = set()
    for number, order in enumerate(permutations(range(3))):
        spellings = [f"a.d{number}@gmail.com", f"ad{number}+x@gmail.com", f"ad{number}@gmail.com"]
        for place in order:
            event = touchpoint(("email", spellings[place]), AT.replace(day=place + 1))
            async with ruled.database.transaction() as connection:
                await interaction.apply(connection, policy, [event])
        found.add(len({await ruled.profile_of("email", each) for each in spellings}))
    assert found == {1}


async def test_i5_rows_of_a_list_are_one_customer_however_their_address_is_spelt(
    ruled: Profiles, tmp_path: Path
) -> None:
    settings = cast("ProfileSettings", ruled.settings).model_copy(update={"data_dir": tmp_path})  # type: ignore[attr-defined]
    lists = Lists(ruled.client, ruled.database, settings)
    mapping = {"E-mail": {"identifier": "email"}}
    await lists.start(f"E-mail\n{DOTTED}\n{TAGGED}\nbob@example.org\n", {**SPEC, "mapping": mapping})
    await lists.work()
    assert await ruled.profile_of("email", DOTTED) == await ruled.profile_of("email", TAGGED)
    assert len(set((await ruled.map()).values())) == 2


async def test_i4_without_the_option_spellings_stay_apart(profiles: Profiles) -> None:
    await profiles.resolve(("email", DOTTED))
    await profiles.resolve(("email", TAGGED))
    assert await profiles.profile_of("email", DOTTED) != await profiles.profile_of("email", TAGGED)
    assert len(await profiles.map()) == 2
