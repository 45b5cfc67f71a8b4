"""Which code something depends on, and a hash of what that code does."""

import ast
import hashlib
from collections.abc import Iterable
from pathlib import Path

# The folder that holds the packages `glo_core` and `reports`.
ROOT = Path(__file__).resolve().parents[1]


def syntax_hash(files: Iterable[Path]) -> str:
    """A hash of what Python files do: comments, docstrings and layout do not count."""
    digest = hashlib.sha256()
    for file in sorted(files):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
                constant = body[0].value
                if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                    del body[0]
        digest.update(ast.dump(tree).encode())
    return digest.hexdigest()


def imported(source: str, root: Path = ROOT) -> set[Path]:
    """The modules below `root` that Python source imports, directly or through one another."""
    found: set[Path] = set()
    waiting = [source]
    while waiting:
        for file in _imports(ast.parse(waiting.pop()), root) - found:
            found.add(file)
            waiting.append(file.read_text(encoding="utf-8"))
    return found


def _imports(tree: ast.AST, root: Path) -> set[Path]:
    files: set[Path | None] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            files |= {_file(alias.name, root) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:  # `from package import module`, or `from module import name`
                inner = _file(f"{node.module}.{alias.name}", root)
                files.add(inner or _file(node.module, root))
    return {file for file in files if file}


def _file(name: str, root: Path) -> Path | None:
    """The file of a module or of a package; None if it is not below `root`."""
    path = root.joinpath(*name.split("."))
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in candidates if file.is_file()), None)
