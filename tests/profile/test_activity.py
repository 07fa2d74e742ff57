"""The file changes after every order, delivery, return, call and campaign response."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from profile_service.activity.rules import kinds

from tests.profile.conftest import Profiles
from tests.profile.touchpoints import hear, touchpoint

ADA, TABLET = ("user_id", "ada"), ("device_id", "tablet")


def day(number: int) -> datetime:
    return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=number)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"name": "Order Completed"}, {"order"}),
        ({"touchpoint_type": "Order Completed", "name": None}, {"order"}),
        ({"name": "Order Delivered"}, {"delivery"}),
        ({"name": "Order Refunded"}, {"return"}),
        ({"name": "Order Completed", "channel": "phone"}, {"order", "call"}),
        ({"name": "Email Link Clicked", "campaign": True}, {"campaign_response"}),
        ({"name": "Email Opened", "campaign": True}, set()),
        ({"name": "Email Link Clicked", "campaign": True, "direction": "outbound"}, set()),
        ({"name": "Product Viewed"}, set()),
    ],
)
def test_i12_which_touchpoints_change_the_file(said: dict[str, Any], expected: set[str]) -> None:
    touched = {"touchpoint_type": "track", "channel": "web", "direction": "inbound", "campaign": False, **said}
    assert kinds(**touched) == expected


async def activity(profiles: Profiles, profile_id: str) -> dict[str, tuple[datetime, datetime]]:
    found = (await profiles.read(profile_id))["activity"]
    return {
        kind: (datetime.fromisoformat(span["first_at"]), datetime.fromisoformat(span["last_at"]))
        for kind, span in found.items()
    }


async def test_i12_the_file_changes_with_what_the_customer_does(profiles: Profiles) -> None:
    await hear(profiles, [touchpoint(ADA, day(0), name="Product Viewed")])
    ada = await profiles.profile_of(*ADA)
    before = await profiles.client.get(f"/v1/profiles/{ada}")
    assert before.json()["activity"] == {}
    heard = [
        touchpoint(ADA, day(1), name="Order Completed"),
        touchpoint(ADA, day(3), name="Order Completed"),
        touchpoint(ADA, day(4), name="Order Delivered"),
        touchpoint(ADA, day(5), name="Order Refunded"),
        touchpoint(ADA, day(6), type="call", channel="phone"),
        touchpoint(ADA, day(7), name="Email Link Clicked", data={"campaign_id": "x"}),
        touchpoint(ADA, day(8), name="Product Viewed"),
    ]
    # In two batches, the later one first, and once more: the order of arrival and repetition change nothing.
    for batch in (heard[3:], heard[:3], heard):
        await hear(profiles, batch)
    assert await activity(profiles, ada) == {
        "order": (day(1), day(3)),
        "delivery": (day(4), day(4)),
        "return": (day(5), day(5)),
        "call": (day(6), day(6)),
        "campaign_response": (day(7), day(7)),
    }
    # An edit that was begun before the order is no worse for it.
    match = {"If-Match": before.headers["etag"]}
    edited = await profiles.client.patch(f"/v1/profiles/{ada}", json={"traits": {"given_name": "Ada"}}, headers=match)
    assert edited.status_code == 200


async def test_i12_after_an_unmerge_each_side_has_done_what_it_did(profiles: Profiles) -> None:
    ada, tablet = (await profiles.resolve(ADA))["profile_id"], (await profiles.resolve(TABLET))["profile_id"]
    await hear(profiles, [touchpoint(ADA, day(1), name="Order Completed")])
    linked = await profiles.link(ADA, TABLET)
    await hear(profiles, [touchpoint(TABLET, day(2), name="Order Completed")])
    assert await activity(profiles, tablet) == {"order": (day(1), day(2))}
    await profiles.client.delete(f"/v1/links/{linked['link_id']}")
    assert await activity(profiles, ada) == {"order": (day(1), day(1))}
    assert await activity(profiles, tablet) == {"order": (day(2), day(2))}
