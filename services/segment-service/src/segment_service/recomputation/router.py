"""Ranking everybody anew, when asked."""

from fastapi import Response
from rapport.auth import needs
from rapport.database import Transaction
from rapport.routing import service_router

from segment_service.jobs.schemas import JobAnswer
from segment_service.recomputation import service

router = service_router("recomputation")


@router.post("/recomputations", status_code=202, dependencies=[needs("segments:write")])
async def recompute(response: Response, transaction: Transaction) -> JobAnswer:
    """Rank all customers anew with everything known now; one that is still waiting to start serves all who ask."""
    job = await service.request(transaction)
    response.headers["Location"] = f"/v1/jobs/{job.job_id}"
    return job
