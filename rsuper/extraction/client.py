"""Ask a server that speaks OpenAI's protocol (vLLM, llama.cpp, Ollama, a hospital's own gateway)."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from rsuper.config.experiment import Extraction

BUSY = (408, 409, 425, 429, 500, 502, 503, 504)
_BACKOFF_S, _LONGEST_WAIT_S, _CONNECT_S = 0.5, 60, 10


class ServerError(Exception):
    """The server gave no answer, however often it was asked; the message has nothing of the report in it."""


@dataclass(frozen=True)
class Client:
    """A server and a model; one client may be asked from many threads."""

    settings: Extraction
    schema: dict[str, object]
    session: requests.Session = field(default_factory=requests.Session)
    backoff_s: float = _BACKOFF_S

    def __post_init__(self) -> None:
        # Where the connection breaks or the server is busy: wait longer each time, or as long as it says.
        retry = Retry(
            total=self.settings.retries,
            backoff_factor=self.backoff_s,
            backoff_max=_LONGEST_WAIT_S,
            backoff_jitter=self.backoff_s,
            status_forcelist=BUSY,
            allowed_methods=None,
            respect_retry_after_header=True,
            raise_on_status=False,
        )
        adapter = HTTPAdapter(max_retries=retry, pool_maxsize=self.settings.concurrency)
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, adapter)
        key = os.environ.get(self.settings.key_variable)
        if key:
            self.session.headers["Authorization"] = f"Bearer {key}"

    def complete(self, messages: Sequence[dict[str, str]]) -> str:
        """Return what the model writes.

        Raises:
            ServerError: no usable response after all retries.
        """
        body: dict[str, object] = {
            "model": self.settings.model,
            "messages": list(messages),
            "temperature": 0,
            "max_tokens": self.settings.max_tokens,
        }
        if self.settings.constrained:
            form = {"name": "findings", "strict": True, "schema": self.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        wait = (_CONNECT_S, self.settings.timeout_s)
        url = f"{str(self.settings.server).rstrip('/')}/chat/completions"
        try:
            response = self.session.post(url, json=body, timeout=wait, allow_redirects=False)
        except requests.RequestException as error:
            raise ServerError(type(error).__name__) from None
        if response.status_code != 200:
            raise ServerError(f"status {response.status_code}")
        try:
            content = response.json()["choices"][0]["message"]["content"]
        except (ValueError, LookupError, TypeError):
            raise ServerError("a response that is none of the protocol") from None
        if not isinstance(content, str):
            raise ServerError("a response without text")
        return content
