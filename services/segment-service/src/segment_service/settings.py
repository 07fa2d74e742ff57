"""Settings of segment-service: `RAPPORT_*` for what is common, `SEGMENT_*` for its own."""

from decimal import Decimal
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict
from rapport.settings import ServiceSettings

from segment_service.influence.rules import ReferralRule
from segment_service.pyramid.rules import CutBy, Cutoffs
from segment_service.standing.rules import LapseBy, LifecycleRule


class SegmentSettings(ServiceSettings):
    """What segment-service needs to run; every field is an environment variable `SEGMENT_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="SEGMENT_", extra="ignore", populate_by_name=True)

    currency: str = Field("USD", pattern="^[A-Z]{3}$", description="Orders that name no currency are in it; totals too")
    period_days: int = Field(365, ge=1, le=36_500, description="A customer is active when they ordered so lately")
    top_share: Decimal = Field(Decimal("0.01"), gt=0, lt=1, decimal_places=6)
    large_share: Decimal = Field(Decimal("0.05"), gt=0, lt=1, decimal_places=6, description="Top and large together")
    medium_share: Decimal = Field(Decimal("0.20"), gt=0, lt=1, decimal_places=6, description="Top, large and medium")
    cutoffs_by: CutBy = Field("customers", description="Whether classes end at shares of customers or of sales")
    top_sales_share: Decimal = Field(Decimal("0.20"), gt=0, lt=1, decimal_places=6, description="If cut by sales")
    large_sales_share: Decimal = Field(Decimal("0.50"), gt=0, lt=1, decimal_places=6, description="Top and large")
    medium_sales_share: Decimal = Field(Decimal("0.80"), gt=0, lt=1, decimal_places=6, description="All three")
    market_size: int | None = Field(None, ge=0, le=10**12, description="People or firms in the market, if known")

    new_days: int = Field(90, ge=1, le=3_650, description="How long after the first order a customer is new")
    new_order_days: int = Field(3, ge=2, le=1_000, description="Days with orders that make a customer established")
    at_risk_days: int = Field(60, ge=1, le=3_650, description="Shortest silence that can be a risk")
    at_risk_gaps: float = Field(2.0, ge=1, le=100, description="Silence at risk, in the customer's own mean gaps")
    lapsed_days: int = Field(365, ge=1, le=3_650, description="Shortest silence after which a customer can be lapsed")
    lapsed_gaps: float = Field(4.0, ge=1, le=100, description="Silence of the lapsed, in own mean gaps")
    lapsed_days_at_most: int = Field(1_095, ge=1, le=36_500, description="Silence after which everybody is lapsed")
    won_back_days: int = Field(90, ge=1, le=3_650, description="How long a returned customer is won back")
    lapse_by: LapseBy = Field("cadence", description="Who is late: by their own gaps, or by the lifetime value model")
    at_risk_p_alive: float = Field(0.5, gt=0, lt=1, description="At risk at this probability of being alive")
    lapsed_p_alive: float = Field(0.2, gt=0, lt=1, description="Lapsed at this probability of being alive")

    recompute_seconds: float = Field(60, gt=0, le=86_400, description="Between two rankings while orders arrive")
    ageing_seconds: float = Field(5, gt=0, le=3_600, description="Between two looks for what time alone has changed")
    column_memory: str = Field("1GB", pattern=r"^[1-9][0-9]*(MB|GB)$", description="Memory of one calculation")
    column_threads: int = Field(2, ge=1, le=256, description="Threads of one calculation")

    ask_everybody_above: int = Field(
        20_000, ge=1, le=10**9, description="Changed customers that wait, above which rules are asked about everybody"
    )
    preview_seconds: float = Field(
        0.25, gt=0, le=60, description="How long a preview waits for the newest changes before it does without them"
    )

    engine: Literal["duckdb", "spark"] = Field("duckdb", description="What evaluates rules for everybody")
    spark_master: str | None = Field(None, description="Address of the cluster, such as spark://10.0.0.5:7077")
    spark_host: str | None = Field(None, description="This machine's address as the cluster's workers see it")

    referral_decay: Decimal = Field(Decimal("0.5"), gt=0, le=1, decimal_places=6, description="Each step of a chain")
    referral_depth: int = Field(10, ge=1, le=50, description="So many steps down a chain count")
    influence_seconds: float = Field(1, gt=0, le=3_600, description="Between two looks for referrals to count anew")

    size_trait: str = Field("size", min_length=1, max_length=400, description="Trait with an organisation's size")
    small_firm_employees: int = Field(50, ge=1, le=10**6, description="An organisation with fewer people is small")
    low_share: Decimal = Field(
        Decimal("0.5"), gt=0, le=1, decimal_places=6, description="Whoever buys less of all here buys elsewhere"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.top_share <= self.large_share <= self.medium_share:
            raise ValueError("top_share, large_share and medium_share are cumulative and must not fall")
        if not self.top_sales_share <= self.large_sales_share <= self.medium_sales_share:
            raise ValueError("top_sales_share, large_sales_share and medium_sales_share must not fall")
        if self.lapsed_p_alive > self.at_risk_p_alive:
            raise ValueError("lapsed_p_alive must not be above at_risk_p_alive")
        if self.lapsed_days_at_most < self.lapsed_days:
            raise ValueError("lapsed_days_at_most must not be below lapsed_days")
        if self.engine == "spark" and self.spark_master is None:
            raise ValueError("engine=spark needs spark_master, the cluster's address")
        return self

    @property
    def cutoffs(self) -> Cutoffs:
        """Where the pyramid's classes end."""
        return self.cutoffs_of(self.cutoffs_by)

    def cutoffs_of(self, by: CutBy) -> Cutoffs:
        """The configured cut-offs by customers or by sales."""
        if by == "sales":
            return Cutoffs.of((self.top_sales_share, self.large_sales_share, self.medium_sales_share), by)
        return Cutoffs.of((self.top_share, self.large_share, self.medium_share), by)

    @property
    def referrals(self) -> ReferralRule:
        """What referred customers count."""
        return ReferralRule(self.referral_decay, self.referral_depth)

    @property
    def lifecycle(self) -> LifecycleRule:
        """The figures behind lifecycle stages."""
        return LifecycleRule(
            new_days=self.new_days,
            new_order_days=self.new_order_days,
            at_risk_days=self.at_risk_days,
            at_risk_gaps=self.at_risk_gaps,
            lapsed_days=self.lapsed_days,
            lapsed_gaps=self.lapsed_gaps,
            lapsed_days_at_most=self.lapsed_days_at_most,
            won_back_days=self.won_back_days,
            lapse_by=self.lapse_by,
            at_risk_p_alive=self.at_risk_p_alive,
            lapsed_p_alive=self.lapsed_p_alive,
        )
