"""What of others' events could not be taken."""

from prometheus_client import Counter
from rapport.telemetry.metrics import REGISTRY

REJECTED = Counter(
    "profile_rejected", "Parts of events that were not valid and are not kept", ["what"], registry=REGISTRY
)
