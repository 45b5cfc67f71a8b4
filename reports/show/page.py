"""The script and the style of figures that readers can move, for the report and for Jupyter."""

import base64
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

FOLDER = Path(__file__).with_name("elements")
# The modules of the report's script and those of the lab's widgets, what others import first.
SHARED = ("numbers", "pictures", "layers", "generator", "codes", "fitting", "drawing", "own")
REPORT = (*SHARED, "player", "decoder", "define")
LAB = (*SHARED, "grid", "curves", "scenes", "board", "widget")


def script() -> str:
    """The report's elements as one script, which defines them once however often it is run.

    The report may hold no script but one of a known hash, so it cannot import modules: they are put
    one behind the other in a block, without their imports and exports.
    """
    return f"{{\n{_joined(REPORT)}}}\n"


def widget() -> str:
    """The lab's elements as one module, in the form that anywidget wants."""
    return _joined(LAB)


def _joined(names: Sequence[str]) -> str:
    parts = [(FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in names]
    return re.sub(r"^import .*\n|^export (?!default)", "", "".join(parts), flags=re.MULTILINE)


def style() -> str:
    """How the elements look."""
    return (FOLDER / "page.css").read_text(encoding="utf-8")


def base64_of(content: bytes) -> str:
    """Bytes as text, a third longer."""
    return base64.b64encode(content).decode()


def svg_address(svg: str) -> str:
    """An SVG as the source of an `<img>`; a quarter shorter than in base64."""
    return "data:image/svg+xml," + quote(svg.replace('"', "'"), safe=" =:/;,()_.*+!?&@$[]{}|~-'")


def element(name: str, content: str, **data: str) -> str:
    """An HTML element around its content; `data` become its `data-` attributes."""
    attributes = "".join(f' data-{key}="{escape(value)}"' for key, value in data.items())
    return f"<{name}{attributes}>{content}</{name}>"
