"""The script and the style of figures that readers can move, for the report and for Jupyter."""

import base64
import re
from html import escape
from pathlib import Path
from urllib.parse import quote

FOLDER = Path(__file__).with_name("elements")
# Modules that others import from come first.
SCRIPTS = ("numbers", "pictures", "generator", "codes", "player", "decoder", "define")


def script() -> str:
    """The elements' modules as one script, which defines them once however often it is run.

    The report may hold no script but one of a known hash, so it cannot import modules: they are put
    one behind the other in a block, without their imports and exports.
    """
    parts = [(FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    joined = re.sub(r"^import .*\n|^export ", "", "".join(parts), flags=re.MULTILINE)
    return f"{{\n{joined}}}\n"


def style() -> str:
    """How the two elements look."""
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
