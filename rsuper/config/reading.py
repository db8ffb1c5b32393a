"""Who reads the reports of an experiment, and how their texts become vectors."""

from typing import Literal

from pydantic import AnyHttpUrl, Field, ValidationError, model_validator

from rsuper.config.dataset import Section


class Extraction(Section):
    """Who reads the reports: our rules, a language model behind a server, or others, who left a table."""

    extractor: Literal["rules", "llm", "table"] = Field(
        "rules", description="llm: a language model behind a server; table: findings made elsewhere"
    )
    table: str | None = Field(None, description="CSV of findings that others extracted, by case id")
    form: Literal["per_ct", "per_tumor"] = Field("per_ct", description="of the table: what a row stands for")
    kidney_lesions: Literal["doubtful", "tumors"] = Field(
        "doubtful", description="of the table: in published ones, lesions of the kidneys include cysts"
    )
    server: str | None = Field(None, description="its address up to /v1, such as http://localhost:8000/v1")
    model: str | None = Field(None, description="as the server calls it")
    prompt: str = Field("findings.v1", description="one of ours, or the path of a .md file")
    key_variable: str = Field(
        "RSUPER_LLM_KEY", description="environment variable that holds the server's key"
    )
    constrained: bool = Field(True, description="ask the server to hold the model to our JSON Schema")
    concurrency: int = Field(4, ge=1, le=256, description="reports asked at a time")
    timeout_s: float = Field(120, gt=0, description="without a byte from the server")
    retries: int = Field(6, ge=0, description="where the server is busy or the connection breaks")
    repairs: int = Field(1, ge=0, description="times that a model may correct an answer")
    max_tokens: int = Field(2000, ge=100, description="of an answer")
    longest: int = Field(20_000, ge=100, description="characters of a report that are sent")
    failed: Literal["rules", "unknown"] = Field(
        "rules", description="reports without a usable answer: read by our rules, or as if there were none"
    )
    most_failed: float = Field(0.05, ge=0, le=1, description="share of failed reports that stops the job")

    @model_validator(mode="after")
    def _server_where_needed(self) -> "Extraction":
        if self.extractor == "llm" and not (self.server and self.model):
            raise ValueError("extractor llm needs 'server' and 'model'")
        if (self.extractor == "table") != (self.table is not None):
            raise ValueError("key 'table' belongs to extractor table, and that extractor needs it")
        if self.server:
            _require_plain_address(self.server, self.key_variable)
        return self


def _require_plain_address(server: str, key_variable: str) -> None:
    """Refuse what is no address, and an address with a key in it: every run records its configuration."""
    if not server.startswith(("http://", "https://")):
        raise ValueError("server must begin with http:// or https://")
    try:
        place = AnyHttpUrl(server)
    except ValidationError:
        raise ValueError("server must name a machine, as in http://localhost:8000/v1") from None
    if place.username or place.password or place.query:
        raise ValueError(
            f"server must hold no password or key, which run.json would show: put it in the environment "
            f"variable {key_variable}"
        )


class ExtractionReport(Section):
    """How the readers of reports are scored; a language model is asked about every one of these reports."""

    phantoms: int = Field(2000, ge=1, description="phantom reports per set of wordings")


class ReportVectors(Section):
    """From the text of a report to the vector that methods see which may read text."""

    encoder: Literal["tfidf", "table", "hugging_face"] = Field(
        "tfidf", description="table: vectors made elsewhere; hugging_face: a language model"
    )
    length: int = Field(64, ge=2, description="of tfidf's vectors; less where there are fewer reports")
    table: str | None = Field(None, description="CSV of vectors made elsewhere: case_id, then numbers")
    model: str | None = Field(None, description="name or folder of a Hugging Face encoder")
    pooling: Literal["first_token", "mean"] = Field("first_token", description="of its last layer")

    @model_validator(mode="after")
    def _source_where_needed(self) -> "ReportVectors":
        for encoder, key in (("table", "table"), ("hugging_face", "model")):
            if (self.encoder == encoder) != (getattr(self, key) is not None):
                raise ValueError(f"key '{key}' belongs to encoder {encoder}, and that encoder needs it")
        return self
