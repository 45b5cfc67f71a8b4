"""The licences of all that the locks name, which `docs/licences.md` lists.

.venv/bin/python tests/licences.py    writes the list again, once the locks have changed
"""

import re
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIST = ROOT / "docs" / "licences.md"
ROW = re.compile(r"^\| `([\w.-]+)` \| (.+) \|$", re.M)
# What a package's metadata do not tell, or not wholly.
BY_HAND = {
    "axe-playwright-python": "MIT; the axe-core in it: MPL-2.0",
    "cuda-toolkit": "NVIDIA Proprietary Software",
    "pypandoc-binary": "MIT; the pandoc in it, a program that is run: GPL-2.0-or-later",
}
HEAD = """# Licences

The project is under the MIT licence. This is what the packages that `requirements.txt` and
`tests/requirements.txt` lock say of theirs; none of them is copied into the project or its report.
A test refuses a licence that is not known to go with ours. The libraries of NVIDIA come with
PyTorch's builds for GPUs alone.

`.venv/bin/python tests/licences.py` writes this list.

| package | licence |
|---|---|
"""


def locked() -> list[str]:
    """The names of all packages that a lock has, for any machine."""
    locks = [(ROOT / place / "requirements.txt").read_text("utf-8") for place in ("", "tests")]
    return sorted({name for lock in locks for name in re.findall(r"^([\w.-]+)==", lock, re.M)})


def listed() -> dict[str, str]:
    """The licence of each package in the list."""
    return dict(ROW.findall(LIST.read_text(encoding="utf-8")))


def licence(package: str) -> str | None:
    """What an installed package says of its licence, in one line; None if it is not installed."""
    if package in BY_HAND:
        return BY_HAND[package]
    try:
        said = metadata(package)
    except PackageNotFoundError:
        return None
    (expression, *_) = said.get_all("License-Expression", [""])
    (free, *_) = said.get_all("License", [""])
    kinds = [each for each in said.get_all("Classifier", []) if each.startswith("License")]
    classified = ", ".join(each.split(" :: ")[-1] for each in kinds)
    return expression or classified or free.strip().partition("\n")[0]


def main() -> None:
    """Packages that this machine does not need keep the licence that the list has."""
    known = listed() if LIST.exists() else {}
    rows = [f"| `{name}` | {licence(name) or known.get(name, '?')} |\n" for name in locked()]
    LIST.write_text(HEAD + "".join(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
