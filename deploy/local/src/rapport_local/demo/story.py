"""The story from beginning to end."""

from typing import TYPE_CHECKING

from rapport_local.demo import (
    campaign,
    conversation,
    duplicates,
    erasing,
    lists,
    loading,
    merging,
    recognition,
    segmenting,
    value,
)
from rapport_local.demo.company import Company, Refused
from rapport_local.demo.report import Report
from rapport_local.sample.expected import expected_orders

if TYPE_CHECKING:
    from rapport_local.stack import Stack


async def run(stack: "Stack", sample: str) -> int:
    """Play it on a running stack; 0 if every check held."""
    report = Report(stack.progress.console)
    folder = stack.home / "demo"
    folder.mkdir(exist_ok=True)
    async with Company(stack.info) as company:
        try:
            await loading.tell(report, company, stack.info, sample)
            # Customers of the middle: enough history to see, and nobody who stands out.
            households = sorted(expected_orders(sample).items(), key=lambda each: (each[1].cents, each[0]))
            middle = [household for household, _ in households[len(households) // 2 :]]
            await recognition.tell(report, company, middle[0:2])
            await merging.tell(report, company, middle[2:4])
            await lists.tell(report, company, middle[5])
            await duplicates.tell(report, company)
            await value.tell(report, company, folder)
            await segmenting.tell(report, company, f"hh-{middle[6]}", folder)
            await campaign.tell(report, company, stack.mail.folder, folder)
            await conversation.tell(report, company, middle[4])
            await erasing.tell(report, company, folder)
        except Refused as refused:
            report.check(False, str(refused))
    for name, url in stack.urls.items():
        report.look_at(f"{name}-service (while `make run` is up)", f"{url}/docs")
    return report.end()
