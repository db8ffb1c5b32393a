"""Findings of many reports by a language model: asked side by side, checked, kept, accounted for."""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice

import pandas as pd

from rsuper.config.experiment import Extraction
from rsuper.errors import DataError
from rsuper.extraction.client import Client, ServerError
from rsuper.extraction.prompt import Prompt
from rsuper.extraction.store import Outcome, Store
from rsuper.progress import Meter
from rsuper.reports.extract import extract
from rsuper.reports.findings import ReportFindings, report_sha256
from rsuper.reports.llm import (
    VERSION,
    InvalidAnswerError,
    answer_schema,
    correction,
    findings_of,
    messages,
    parse_answer,
)
from rsuper.schemas import EXTRACTION_LEDGER

PARSED, REPAIRED, FAILED = "parsed", "repaired", "failed"


@dataclass(frozen=True)
class Extracted:
    """Findings, and the ledger: one row per report, whatever became of it."""

    findings: tuple[ReportFindings, ...]
    ledger: pd.DataFrame  # rows of EXTRACTION_LEDGER


def ask_all(
    reports: Mapping[str, str], settings: Extraction, prompt: Prompt, store: Store, *, backoff_s: float = 0.5
) -> Extracted:
    """Read every report by the model; those it fails at by rules, or not at all, as the settings say.

    What the store has is not asked again, and the same text is asked once, whoever it belongs to. A report
    that the server did not answer is not kept: the next call asks again.

    Args:
        reports: text by case id.
        settings: server, model, and what becomes of failed reports.
        prompt: instructions.
        store: answers of this and earlier calls.
        backoff_s: first wait where the server is busy.

    Raises:
        DataError: more reports failed than the settings allow; answers that came are kept.
    """
    keys = {case: _key(text[: settings.longest], settings, prompt) for case, text in reports.items()}
    outcomes = {key: kept for key in keys.values() if (kept := store.get(key)) is not None}
    texts = {key: reports[case] for case, key in keys.items() if key not in outcomes}
    client = Client(settings, answer_schema(), backoff_s=backoff_s)
    for key, outcome in _asked(texts, client, prompt):
        outcomes[key] = outcome
        if outcome.content:
            store.put(key, outcome)
    rows, found = [], []
    version = f"{prompt.name}:{prompt.sha256[:8]}:{settings.model}"
    for case, text in reports.items():
        outcome = outcomes[keys[case]]
        findings, reader = _findings(case, text, outcome, settings, version)
        rows.append(ledger_row(case, keys[case], outcome, reader, version))
        found += [findings] if findings is not None else []
    ledger = pd.DataFrame(rows, columns=list(EXTRACTION_LEDGER.columns))
    _refuse_many_failures(ledger, settings)
    return Extracted(tuple(found), ledger)


def _key(text: str, settings: Extraction, prompt: Prompt) -> str:
    """Hash what decides an answer; whoever asks a server at another address asks the same."""
    asked = [settings.model, settings.constrained, settings.repairs, settings.max_tokens]
    parts = [text, prompt.sha256, *asked, answer_schema(), VERSION]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _asked(texts: Mapping[str, str], client: Client, prompt: Prompt) -> Iterator[tuple[str, Outcome]]:
    """Yield outcomes as they come; where the caller stops, nothing more is asked.

    A report is asked about only when an earlier outcome has been taken, so that a run that is killed loses at
    most as many answers as are asked for side by side.
    """
    limit, waiting = client.settings.concurrency, iter(texts.items())
    pool, jobs = ThreadPoolExecutor(limit), dict[Future[Outcome], str]()
    try:
        with Meter("reports", len(texts), "reports") as progress:
            while True:
                for key, text in islice(waiting, limit - len(jobs)):
                    jobs[pool.submit(_ask, text, client, prompt)] = key
                if not jobs:
                    return
                for job in wait(jobs, return_when=FIRST_COMPLETED).done:
                    yield jobs.pop(job), job.result()
                    progress.step()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _ask(text: str, client: Client, prompt: Prompt) -> Outcome:
    """Ask about one report, and once more where the answer cannot be used."""
    started, sent = time.perf_counter(), text[: client.settings.longest]
    asked = messages(prompt.text, sent)
    content, reason, rounds = "", "", 0
    for rounds in range(1, client.settings.repairs + 2):
        try:
            content = client.complete(asked)
            answer, repaired = parse_answer(content)
            findings_of(answer, "", sent, "")
        except ServerError as error:
            return Outcome(FAILED, f"server: {error}", "", rounds, time.perf_counter() - started)
        except InvalidAnswerError as error:
            reason = str(error)
            asked = [*asked, *correction(content, reason)]
            continue
        status = REPAIRED if repaired or rounds > 1 else PARSED
        reason = reason or ("text around the JSON object" if repaired else "")
        return Outcome(status, reason, content, rounds, time.perf_counter() - started)
    return Outcome(FAILED, reason, content or " ", rounds, time.perf_counter() - started)


def _findings(
    case: str, text: str, outcome: Outcome, settings: Extraction, version: str
) -> tuple[ReportFindings | None, str]:
    if outcome.status != FAILED:
        found = findings_of(parse_answer(outcome.content)[0], case, text[: settings.longest], version)
        return found.model_copy(update={"report_sha256": report_sha256(text)}), "llm"
    if settings.failed == "rules":
        return extract(case, text), "rules"
    return None, "nobody"


def ledger_row(case: str, key: str, outcome: Outcome, reader: str, version: str) -> dict[str, object]:
    """Return the row of one report in EXTRACTION_LEDGER."""
    return {
        "case_id": case,
        "status": outcome.status,
        "reason": outcome.reason,
        "read_by": reader,
        "rounds": outcome.rounds,
        "seconds": round(outcome.seconds, 3),
        "version": version,
        "key": key,
    }


def _refuse_many_failures(ledger: pd.DataFrame, settings: Extraction) -> None:
    if ledger.empty:
        return
    failed = ledger[ledger["status"] == FAILED]
    if len(failed) > settings.most_failed * len(ledger):
        reasons = failed["reason"].value_counts().head(3)
        named = "; ".join(f"{reason} ({count})" for reason, count in reasons.items())
        raise DataError(
            f"{len(failed)} of {len(ledger)} reports have no usable answer of {settings.model}: {named}. "
            "Answers that came are kept; call again, or raise extraction.most_failed"
        )
