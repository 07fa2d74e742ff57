"""Ranking everybody anew, when asked."""

from uuid import UUID

from fastapi import Response
from rapport.auth import needs
from rapport.database import Reading, Transaction
from rapport.routing import service_router

from segment_service.recomputation import service
from segment_service.recomputation.schemas import JobOut

router = service_router("recomputation")


@router.post("/recomputations", status_code=202, dependencies=[needs("segments:write")])
async def recompute(response: Response, transaction: Transaction) -> JobOut:
    """Rank all customers anew with everything known now; one that is still waiting to start serves all who ask."""
    job = await service.request(transaction)
    response.headers["Location"] = f"/v1/jobs/{job.job_id}"
    return job


@router.get("/jobs/{job_id}", dependencies=[needs("segments:read")])
async def read_job(job_id: UUID, reading: Reading) -> JobOut:
    """How far a job is."""
    return await service.job(reading, job_id)
