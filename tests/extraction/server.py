"""A real HTTP server on loopback that speaks OpenAI's protocol, well or badly, as a script says."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from rsuper.reports.extract import extract

NO_TUMOR = {"status": "no_tumor", "tumors": []}


def reports(count: int) -> dict[str, str]:
    """Every second one has a tumor, each of another size."""
    return {
        f"c{n}": f"A mass in the pancreatic head measures {n + 5} mm." if n % 2 else f"No mass. Nr. {n}."
        for n in range(count)
    }


def answer_for(report: str) -> str:
    """What a good model says of the reports of these tests: "... mass in the pancreatic head ... N mm"."""
    if "pancreatic head" not in report:
        return json.dumps({"pancreas": NO_TUMOR, "kidney": NO_TUMOR})
    size = int(report.split(" mm")[0].split()[-1])
    tumor = {
        "location": ["head"],
        "diameters_mm": [size],
        "prior_diameters_mm": [],
        "count": 1,
        "attenuation": None,
        "certain": True,
        "quote": "mass in the pancreatic head",
    }
    return json.dumps({"pancreas": {"status": "tumor", "tumors": [tumor]}, "kidney": NO_TUMOR})


def answer_by_rules(report: str) -> str:
    """The answer of a model that reads as our rules do."""
    read = extract("", report)
    organs = {}
    for target in ("pancreas", "kidney"):
        tumors = [
            {
                "location": list(found.segments),
                "diameters_mm": list(found.diameters_mm),
                "prior_diameters_mm": list(found.prior_mm),
                "count": found.count,
                "attenuation": found.attenuation,
                "certain": found.certain,
                "quote": report[slice(*found.span)][:400],
            }
            for found in read.of(target)
        ]
        status = "no_tumor" if target in read.absent else "described"
        status = "not_mentioned" if target in read.unmentioned else status
        organs[target] = {"status": "tumor" if tumors else status, "tumors": tumors}
    return json.dumps(organs)


class Server:
    """`behave(report, times asked before, body)` gives the text of an answer, a status, or "drop"."""

    def __init__(self, behave: Callable[[str, int, dict[str, Any]], object]) -> None:
        self.behave = behave
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.most_at_once = self._now = 0
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                outer.handle(self)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}/v1"

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        body = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        report = json.loads(body["messages"][1]["content"])["report"]
        with self._lock:
            before = self.asked[report]
            self.asked[report] += 1
            self.bodies.append(body)
            self.headers.append(dict(request.headers))
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            self._reply(request, self.behave(report, before, body), report)
        except ConnectionError:  # who asked has given up, or was killed
            request.close_connection = True
        finally:
            with self._lock:
                self._now -= 1

    def _reply(self, request: BaseHTTPRequestHandler, reply: object, report: str) -> None:
        if reply == "drop":
            request.close_connection = True
            request.connection.close()
            return
        if isinstance(reply, tuple):
            seconds, reply = reply
            time.sleep(seconds)
        status = reply if isinstance(reply, int) else 200
        message = {"choices": [{"message": {"role": "assistant", "content": reply}}]}
        raw = b"busy" if status != 200 else json.dumps(message).encode()
        request.send_response(status)
        if status == 429:
            request.send_header("Retry-After", "0")
        request.send_header("Content-Length", str(len(raw)))
        request.end_headers()
        request.wfile.write(raw)
        if status == 200:
            with self._lock:
                self.answered[report] += 1

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
