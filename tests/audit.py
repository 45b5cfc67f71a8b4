"""Asks whether a package that the locks name has a known vulnerability, as `make check` does.

Where the database of these cannot be reached, that is said, and is no failure.
"""

import json
import subprocess
import sys

LOCKS = ("requirements.txt", "tests/requirements.txt")
SECONDS = 90
ASK = "-m pip_audit --disable-pip --format json --progress-spinner off --timeout 5".split()


def answer() -> str:
    """What pip-audit answers, as JSON; "" for nothing in time."""
    files = [word for lock in LOCKS for word in ("-r", lock)]
    try:
        done = subprocess.run(
            [sys.executable, *ASK, *files],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout


def verdict(answered: str) -> tuple[int, str]:
    """The exit status, 1 for a known vulnerability, and an answer of pip-audit in words."""
    packages = json.loads(answered)["dependencies"] if answered else []
    asked = [package for package in packages if "skip_reason" not in package]
    if not asked:
        return 0, "audit: no database of known vulnerabilities was reached, so nothing is audited"
    found = [
        f"audit: {package['name']} {package['version']}: {each['id']}, "
        f"fixed in {', '.join(each['fix_versions']) or 'no version yet'}"
        for package in asked
        for each in package["vulns"]
    ]
    told = f"audit: {len(asked)} of {len(packages)} locked packages audited, {len(found)} warnings"
    return int(bool(found)), "\n".join([*found, told])


if __name__ == "__main__":
    status, words = verdict(answer())
    print(words)
    sys.exit(status)
