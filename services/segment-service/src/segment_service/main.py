"""Composition root of segment-service."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

from fastapi import FastAPI
from rapport.application import create_application
from rapport.feed import FeedConsumer, feed_router
from rapport.http import ServiceClient, ServiceUnavailable
from rapport.privacy import privacy_router

from segment_service.audiences.router import router as audiences
from segment_service.churn.following import follow as follow_churn
from segment_service.churn.router import router as churn
from segment_service.clusterings.router import router as clusterings
from segment_service.clusterings.service import CLUSTERING
from segment_service.clusterings.service import carry_out as find_groups
from segment_service.clv.router import router as clv
from segment_service.clv.scoring import Scoring
from segment_service.clv.service import CLV_FIT, Fitting
from segment_service.columns.engine import Engine
from segment_service.columns.increments import RelationStore
from segment_service.columns.repository import store_id
from segment_service.columns.store import ColumnStore
from segment_service.conditions.batch import batch_of
from segment_service.conditions.router import router as rules
from segment_service.conditions.schemas import describe_rules
from segment_service.conditions.statements import warm_up
from segment_service.consumers import interactions, profiles
from segment_service.gradings.router import router as gradings
from segment_service.gradings.service import GRADING, regrade
from segment_service.influence.router import router as influence
from segment_service.influence.service import follow as follow_referrals
from segment_service.jobs.router import router as jobs
from segment_service.jobs.worker import Handler, RunningJob, job_workers
from segment_service.lifecycle.router import router as lifecycle
from segment_service.lookalikes.router import router as lookalikes
from segment_service.lookalikes.service import LOOKALIKE
from segment_service.lookalikes.service import carry_out as rank_by_likeness
from segment_service.loyalty.router import router as loyalty
from segment_service.migrations.router import router as migrations
from segment_service.needs.router import router as needs
from segment_service.needs.service import NEED, weigh
from segment_service.people.service import read_some
from segment_service.privacy import erasing_of
from segment_service.pyramid.router import router as pyramid
from segment_service.rates.router import router as rates
from segment_service.recomputation.router import router as recomputations
from segment_service.recomputation.service import RECOMPUTATION, Recomputation, age
from segment_service.revaluation.service import work
from segment_service.rfm.router import router as rfm
from segment_service.segments.router import router as segments
from segment_service.segments.service import announce
from segment_service.service_costs.router import router as service_costs
from segment_service.settings import SegmentSettings
from segment_service.share_of_customer.router import router as share_of_customer
from segment_service.standing.repository import Rules
from segment_service.standing.router import router as standing
from segment_service.treatments.router import router as treatments
from segment_service.treatments.service import Policies
from segment_service.watching.building import Building
from segment_service.watching.evaluation import SEGMENT, Evaluation, Owner
from segment_service.watching.workers import ask_everybody, ask_who_changed

_LOOK_SECONDS = 0.25
_READ_SECONDS = 0.1

_log = logging.getLogger(__name__)


async def _rank(app: FastAPI, job: RunningJob) -> None:
    await store_id(app.state.database.pool)
    await app.state.relations.refresh()
    await _recomputation(app).asked(job)


def _recomputation(app: FastAPI) -> Recomputation:
    state = app.state
    return Recomputation(state.database, state.store, state.engine, state.settings, state.rules)


async def _fit_clv(app: FastAPI, job: RunningJob) -> Mapping[str, Any]:
    state = app.state
    return await Fitting(state.database, state.store, state.engine, _scoring(app)).run(job)


def _scoring(app: FastAPI) -> Scoring:
    state = app.state
    return Scoring(state.database, state.engine, (state.settings.data_dir / "segment").absolute())


# What does the jobs of each kind; a feature with long work adds its own.
JOBS: Final[Mapping[str, Handler]] = {
    RECOMPUTATION: _rank,
    CLV_FIT: _fit_clv,
    CLUSTERING: find_groups,
    LOOKALIKE: rank_by_likeness,
}
# Of these one at a time in all processes.
ALONE: Final = frozenset({RECOMPUTATION, CLV_FIT})
# Whose rules are asked, and what is done about their answers.
OWNERS: Final[Mapping[str, Owner]] = {SEGMENT: announce, GRADING: regrade, NEED: weigh}


def create_app(settings: SegmentSettings | None = None) -> FastAPI:
    """The service as an application; settings come from the environment unless given."""
    app = create_application(
        "segment",
        settings or SegmentSettings(),
        description="What a customer is worth: value classes, RFM, lifecycle.",
        routers=[
            standing,
            lifecycle,
            pyramid,
            migrations,
            rates,
            rfm,
            loyalty,
            share_of_customer,
            influence,
            service_costs,
            recomputations,
            jobs,
            clv,
            churn,
            audiences,
            rules,
            segments,
            gradings,
            treatments,
            clusterings,
            lookalikes,
            needs,
            privacy_router("segment", erasing_of),
            feed_router("segment", "segments:read"),
        ],
        workers=[
            follow_interactions,
            follow_profiles,
            read_profiles,
            keep_relations,
            recompute,
            let_age,
            value_anew,
            count_referrals,
            keep_scores,
            keep_churn_file,
            ask_who_changed,
            ask_everybody,
            *job_workers(JOBS, alone=ALONE),
        ],
        resources=_resources,
    )
    describe_rules(app)
    return app


@asynccontextmanager
async def _resources(app: FastAPI) -> AsyncIterator[None]:
    settings: SegmentSettings = app.state.settings
    folder = (settings.data_dir / "segment").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    warm_up()
    app.state.rules = Rules(settings.currency, settings.period_days, settings.lifecycle)
    app.state.engine = Engine(folder / "scratch", memory=settings.column_memory, threads=settings.column_threads)
    app.state.batch = batch_of(settings.engine, app.state.engine, settings.spark_master, settings.spark_host)
    app.state.store = ColumnStore(folder, app.state.database, app.state.engine, settings.currency)
    app.state.relations = RelationStore(folder, app.state.database, app.state.engine)
    # Those who wait for an answer do not wait behind what takes minutes.
    app.state.quick = Engine(folder / "scratch", memory=settings.column_memory, threads=settings.column_threads)
    app.state.policies = Policies()
    app.state.evaluation = Evaluation(app.state.database, OWNERS, settings.ask_everybody_above)
    app.state.building = Building(app.state.database, app.state.relations, app.state.evaluation, folder)
    token = settings.service_token.get_secret_value()
    app.state.interaction = ServiceClient("interaction", settings.interaction_url, token)
    app.state.profile = ServiceClient("profile", settings.profile_url, token)
    try:
        yield
    finally:
        await app.state.interaction.aclose()
        await app.state.profile.aclose()
        await app.state.evaluation.close()
        await app.state.batch.close()
        await asyncio.to_thread(app.state.engine.close)
        await asyncio.to_thread(app.state.quick.close)


async def follow_interactions(app: FastAPI) -> None:
    """Orders and contacts from interaction-service."""
    # What customers are placed by is one row that must be there before the first of them.
    await store_id(app.state.database.pool)
    apply = partial(interactions.apply, rules=app.state.rules)
    await FeedConsumer("interaction", app.state.interaction, app.state.database, apply).run()


async def follow_profiles(app: FastAPI) -> None:
    """The identity map, consents and relationships from profile-service."""
    await store_id(app.state.database.pool)
    apply = partial(profiles.apply, rules=app.state.rules)
    await FeedConsumer("profile", app.state.profile, app.state.database, apply).run()


async def read_profiles(app: FastAPI) -> None:
    """Read profiles from profile-service that the feed names as changed."""
    pause = _READ_SECONDS
    while True:
        try:
            busy = await read_some(app.state.database, app.state.profile)
            pause = _READ_SECONDS
        except ServiceUnavailable as error:
            _log.warning("profiles are read later: %s", error)
            busy, pause = 0, min(pause * 2, 5)
        if not busy:
            await asyncio.sleep(pause)


async def keep_relations(app: FastAPI) -> None:
    """Keep the column files of the relations near; whoever reads them takes in the rest."""
    store: RelationStore = app.state.relations
    clock = asyncio.get_running_loop().time
    due = clock() + app.state.settings.recompute_seconds
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        if clock() >= due or await store.overdue():
            await store.refresh()
            due = clock() + app.state.settings.recompute_seconds


async def recompute(app: FastAPI) -> None:
    """Rank everybody as orders arrive."""
    await store_id(app.state.database.pool)
    recomputation = _recomputation(app)
    while True:
        await recomputation.turn()
        await asyncio.sleep(_LOOK_SECONDS)


async def keep_scores(app: FastAPI) -> None:
    """Score customers by the newest lifetime value model as they change, and everybody once a day."""
    scoring = _scoring(app)
    while True:
        if not await scoring.turn():
            await asyncio.sleep(_LOOK_SECONDS)


async def keep_churn_file(app: FastAPI) -> None:
    """Open, close and undo churn episodes as orders and time have it."""
    while True:
        if not await follow_churn(app.state.database, app.state.rules):
            await asyncio.sleep(_LOOK_SECONDS)


async def count_referrals(app: FastAPI) -> None:
    """Count what referrals are worth as orders, relationships and merges change it."""
    await store_id(app.state.database.pool)
    while True:
        if not await follow_referrals(app.state.database, app.state.settings.referrals, app.state.rules):
            await asyncio.sleep(app.state.settings.influence_seconds)


async def let_age(app: FastAPI) -> None:
    """Follow what time alone changes: the period moves on, silence becomes a risk."""
    await store_id(app.state.database.pool)
    while True:
        if not await age(app.state.database, app.state.rules):
            await asyncio.sleep(app.state.settings.ageing_seconds)


async def value_anew(app: FastAPI) -> None:
    """Compute those anew whose orders or contacts are worth something else since a correction."""
    await store_id(app.state.database.pool)
    while True:
        if not await work(app.state.database, app.state.rules):
            await asyncio.sleep(_LOOK_SECONDS)
