"""The fingerprint of the code behind each rule: what Snakemake takes for a reason to run a job again."""

from pathlib import Path

from rsuper.config.experiment import Experiment
from rsuper.data.sources.registry import adapter_file
from rsuper.extraction_report.real_sets import LABELS
from rsuper.fingerprint import fingerprint
from rsuper.installation import ROOT

PROMPTS = "rsuper/extraction/prompts"
PAPER = "rsuper/publish/paper"
PAGE = "rsuper/publish/html/parts"


def rule_code(rule: str, experiment: Experiment, dataset: str = "", root: Path = ROOT) -> str:
    """Return the fingerprint of a rule's script, of all it imports, and of the files that it reads as code.

    Args:
        rule: its name, which is its script's.
        experiment: names the sources of its data sets, and a prompt.
        dataset: of the job, where its rule has one.
        root: of the checkout.

    Raises:
        MethodError: a file is missing or is not Python.
    """
    files = [root / "workflow" / "scripts" / f"{rule}.py"]
    if rule in ("organs", "cohort", "findings"):
        files.append(adapter_file(experiment.datasets[dataset].source))
    if rule in ("findings", "extraction_report"):
        files += sorted((root / PROMPTS).glob("*.md"))
        if experiment.extraction.prompt.endswith(".md"):
            files.append(Path(experiment.extraction.prompt))
    if rule == "extraction_report":
        files.append(LABELS)
    if rule == "report":
        files += sorted((root / PAGE).iterdir())
    if rule == "paper_audit":
        files += sorted((root / PAPER).iterdir())
    return fingerprint(files, root)
