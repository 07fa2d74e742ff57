"""The whole sample, read once for each test worker."""

import pytest
from rapport_local.sample.source import Source, read


@pytest.fixture(scope="session")
def full() -> Source:
    """All households."""
    return read("full")


@pytest.fixture(scope="session")
def small() -> Source:
    """The households of the small sample."""
    return read("small")
