"""Which state follows which; JSON Merge Patch."""

from typing import Any, Final

TRANSITIONS: Final = {
    "launch": ({"draft"}, "running"),
    "pause": ({"running"}, "paused"),
    "resume": ({"paused"}, "running"),
    "stop": ({"running", "paused"}, "stopped"),
}


def allowed(state: str) -> list[str]:
    """The actions that a campaign in `state` allows."""
    return [action for action, (sources, _) in TRANSITIONS.items() if state in sources]


def merge_patch(target: Any, patch: Any) -> Any:
    """`target` changed by `patch` (RFC 7396): null removes a member, objects are merged, the rest replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged
