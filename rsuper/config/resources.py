"""What jobs ask a cluster for, where it grows with the experiment: the same rule takes seconds or days."""

from pydantic import Field

from rsuper.config.dataset import Section


class Demand(Section):
    """Of one job; memory doubles where a job is tried again."""

    mem_mb: int = Field(ge=100)
    runtime: int = Field(ge=1, description="minutes")


class RunDemand(Section):
    """Of one job of a run; None: what the method's card says."""

    mem_mb: int | None = Field(None, ge=100)
    runtime: int | None = Field(None, ge=1, description="minutes")


class Demands(Section):
    """Per rule that reads images. Rules that are not named here ask for the profile's default."""

    cohort: Demand = Demand(mem_mb=4_000, runtime=120)
    preprocess: Demand = Demand(mem_mb=8_000, runtime=240)
    audit_facts: Demand = Demand(mem_mb=8_000, runtime=240)
    sizes: Demand = Demand(mem_mb=8_000, runtime=120)
    fit: RunDemand = RunDemand()
    predict: RunDemand = RunDemand()
    cases: Demand = Demand(mem_mb=8_000, runtime=120)
    metrics: Demand = Demand(mem_mb=8_000, runtime=120)
