"""Every service's migrations are one chain, in the order of their numbers."""

import pytest
from alembic.script import ScriptDirectory
from rapport_local.services import SERVICES, service_folder


@pytest.mark.parametrize("service", [each.name for each in SERVICES])
def test_migrations_follow_one_another(service: str) -> None:
    scripts = ScriptDirectory(str(service_folder(service) / "migrations"))
    chain = [each.revision for each in reversed(list(scripts.walk_revisions()))]
    assert chain == [f"{number:04}" for number in range(1, len(chain) + 1)]
