"""/v1/jobs: how far long work is, and calling it off."""

from uuid import UUID

from rapport.auth import needs
from rapport.database import Reading, Transaction
from rapport.routing import service_router

from segment_service.jobs import service
from segment_service.jobs.schemas import JobAnswer

router = service_router("jobs")


@router.get("/jobs/{job_id}", dependencies=[needs("segments:read", "segments:write")])
async def read_job(job_id: UUID, connection: Reading) -> JobAnswer:
    """How far a job is."""
    return await service.job(connection, job_id)


@router.post("/jobs/{job_id}/cancel", dependencies=[needs("segments:write")])
async def cancel_job(job_id: UUID, connection: Transaction) -> JobAnswer:
    """Call a job off: one that waits is cancelled at once, one that runs stops soon; what it has done stays."""
    return await service.cancel(connection, job_id)
