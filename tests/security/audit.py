"""Ask a service which of the pinned packages have known vulnerabilities: `make audit-dependencies`.

    python -m tests.security.audit .venv-audit/bin/pip-audit constraints.txt

pip-audit passes over a package that the service does not know, and says at the end that nothing was found. A
mirror that has packages but no such service knows none: here that is no answer. Ends with 0 where there is an
answer for every package and none has a vulnerability, with 1 where one has, with 2 where there is no answer.
"""

import json
import subprocess
import sys
from dataclasses import dataclass

CLEAN, VULNERABLE, NO_ANSWER = 0, 1, 2
ELSEWHERE = "run `make audit-dependencies` where pypi.org can be reached (or osv.dev: SERVICE=osv)"
TIMEOUT_S = 600


@dataclass(frozen=True)
class Verdict:
    """What came of it."""

    status: int
    text: str


def judged(printed: str, complained: str) -> Verdict:
    """Read what pip-audit printed as JSON, or why it printed none."""
    try:
        packages = json.loads(printed)["dependencies"]
        answered = [package for package in packages if "vulns" in package]
        passed = [package for package in packages if "vulns" not in package]
    except (ValueError, LookupError, TypeError):
        last = next(
            (line for line in reversed(complained.splitlines()) if line.strip()), "it printed nothing"
        )
        return Verdict(NO_ANSWER, f"no answer: {last.strip()[:300]}; {ELSEWHERE}")
    bad = [
        f"{package['name']} {package['version']}: {vuln['id']}, mended in "
        + (" or ".join(vuln["fix_versions"]) or "no version yet")
        for package in answered
        for vuln in package["vulns"]
    ]
    if bad:
        named = {line.split(":")[0] for line in bad}
        return Verdict(
            VULNERABLE, "\n".join([f"{len(named)} of {len(packages)} packages are vulnerable:", *bad])
        )
    if passed or not packages:
        first = (
            f", {passed[0]['name']} the first ({passed[0].get('skip_reason', 'no reason')})" if passed else ""
        )
        return Verdict(
            NO_ANSWER, f"no answer about {len(passed)} of {len(packages)} packages{first}; {ELSEWHERE}"
        )
    return Verdict(CLEAN, f"{len(packages)} packages, none with a known vulnerability")


def main(words: list[str]) -> int:
    """Run pip-audit on pinned packages, and say what came of it."""
    if len(words) not in (2, 3):
        sys.stderr.write("usage: python -m tests.security.audit PIP_AUDIT CONSTRAINTS [SERVICE]\n")
        return NO_ANSWER
    program, constraints, *service = words
    command = [program, "--requirement", constraints, "--no-deps", "--disable-pip", "--format", "json"]
    command += ["--progress-spinner", "off", "--vulnerability-service", *(service or ["pypi"])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        verdict = judged(done.stdout, done.stderr)
    except subprocess.TimeoutExpired:
        verdict = Verdict(NO_ANSWER, f"no answer within {TIMEOUT_S} s; {ELSEWHERE}")
    except OSError as error:
        verdict = Verdict(NO_ANSWER, f"{program}: {error.strerror}; `make audit-dependencies` installs it")
    (sys.stdout if verdict.status == CLEAN else sys.stderr).write(f"{verdict.text}\n")
    return verdict.status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
