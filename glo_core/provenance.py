"""Which code something depends on, a hash of what that code does, and the project's version."""

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

__version__ = "0.1.0"

# The project's folder, which holds `glo_core` and `reports`; `runs/` and `data/` lie there, and
# relative paths of parameters start there.
ROOT = Path(__file__).resolve().parents[1]
# The packages whose code counts. Once installed, they lie beside those of all libraries.
PACKAGES = ("glo_core", "reports")


def syntax_hash(files: Iterable[Path]) -> str:
    """A hash of what Python files do: comments, docstrings and layout do not count."""
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(_syntax(file.read_text(encoding="utf-8")))
    return digest.hexdigest()


@cache
def _syntax(source: str) -> bytes:
    """The syntax tree of Python source without docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            constant = body[0].value
            if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                del body[0]
    return ast.dump(tree).encode()


def imported(source: str, root: Path = ROOT) -> set[Path]:
    """The modules of PACKAGES below `root` that Python source imports, directly or not."""
    found: set[Path] = set()
    waiting = [source]
    while waiting:
        files = {
            _file(name, root) or _file(package, root) for package, name in _names(waiting.pop())
        }
        for file in files - found:
            if file:
                found.add(file)
                waiting.append(file.read_text(encoding="utf-8"))
    return found


@cache
def _names(source: str) -> frozenset[tuple[str, str]]:
    """What Python source imports of PACKAGES: a package, and what may be a module in it.

    `from package import name` imports a module of this name, or something of the package itself.
    """
    found: set[tuple[str, str]] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {(alias.name, alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {(node.module, f"{node.module}.{alias.name}") for alias in node.names}
    return frozenset(each for each in found if each[0].partition(".")[0] in PACKAGES)


@cache
def _file(name: str, root: Path) -> Path | None:
    """The file of a module or of a package; None if it is not below `root`."""
    path = root.joinpath(*name.split("."))
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in candidates if file.is_file()), None)
