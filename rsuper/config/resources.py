"""What jobs ask a cluster for, where it grows with the experiment: the same rule takes seconds or days."""

from pydantic import Field

from rsuper.config.dataset import Section


class Demand(Section):
    """Of one job; memory doubles where a job is tried again."""

    mem_mb: int = Field(ge=100, description="memory, in MB")
    runtime: int = Field(ge=1, description="minutes")


class RunDemand(Section):
    """Of one job of a run; None: what the method's card says."""

    mem_mb: int | None = Field(None, ge=100, description="memory, in MB")
    runtime: int | None = Field(None, ge=1, description="minutes")


class Demands(Section):
    """Per rule that reads images. Rules that are not named here ask for the profile's default."""

    cohort: Demand = Field(Demand(mem_mb=4_000, runtime=120), description="listing the cases of a data set")
    preprocess: Demand = Field(
        Demand(mem_mb=8_000, runtime=240), description="storing a data set, or a shard"
    )
    audit_facts: Demand = Field(Demand(mem_mb=8_000, runtime=240), description="reading CTs for the audit")
    sizes: Demand = Field(Demand(mem_mb=8_000, runtime=120), description="measuring tumors in masks")
    fit: RunDemand = Field(RunDemand(), description="training a row")
    predict: RunDemand = Field(RunDemand(), description="predicting all test sets with a row")
    cases: Demand = Field(Demand(mem_mb=8_000, runtime=120), description="scoring a row's predictions")
    metrics: Demand = Field(Demand(mem_mb=8_000, runtime=120), description="metrics and tests of all rows")
