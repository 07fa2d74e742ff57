"""Every OpenAPI document against its service: no 5xx, no answer that is not documented."""

import asyncio
import os
import re
import sys
from pathlib import Path

import httpx
import pytest
from rapport_local.stack import Stack

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
# The same cases each time, so that a failure is one of the change at hand; CONTRACT_SEED and _EXAMPLES explore further.
EXAMPLES = os.environ.get("CONTRACT_EXAMPLES", "8")
SEED = os.environ.get("CONTRACT_SEED", "1")
# Every case that the schema of rules defines would be thousands for each operation that takes one: examples and random
# rules explore those, and `tests/segment/test_rules.py` the language.
CONFIGURATION = """
[[operations]]
include-name-regex = "^(POST|PUT) /v1/(audiences|clusterings|gradings|lookalikes|need-groups|segments)"
phases.coverage.enabled = false
"""


async def _explore(url: str, token: str, folder: Path) -> tuple[int, str]:
    configuration = folder / "schemathesis.toml"
    configuration.write_text(CONFIGURATION)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(configuration)),
        *("run", f"{url}/openapi.json", "--no-color"),
        *("--header", f"Authorization: Bearer {token}", "--checks", CHECKS, "--max-examples", EXAMPLES, "--seed", SEED),
        # Long polls and server-sent events answer when they have something, not when they are asked.
        *("--exclude-path", "/v1/feed", "--phases", "examples,coverage,fuzzing", "--continue-on-failure"),
        *("--request-timeout", "30", "--generation-database", "none", "--suppress-health-check", "all"),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


@pytest.mark.timeout(900)
async def test_no_5xx_and_no_undocumented_answer(stack: Stack, tmp_path: Path) -> None:
    for name, url in stack.urls.items():
        code, output = await _explore(url, stack.info["admin_token"], tmp_path)
        assert code == 0, f"{name}-service\n{output[-12000:]}"
        assert re.search(r"\d+ passed|No issues found", output), output[-2000:]


async def test_every_service_serves_its_feed_and_its_documents(stack: Stack) -> None:
    admin = {"Authorization": f"Bearer {stack.info['admin_token']}"}
    async with httpx.AsyncClient(headers=admin, trust_env=False) as client:
        for name, url in stack.urls.items():
            document = (await client.get(f"{url}/openapi.json")).json()
            assert name in document["info"]["title"]
            assert "/v1/feed" in document["paths"]
            feed = await client.get(f"{url}/v1/feed")
            assert feed.headers["content-type"] == "application/cloudevents-batch+json"
            assert (await client.get(f"{url}/docs")).status_code == 200
