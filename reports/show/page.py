"""The script and the style of figures that readers can move, for the report and for Jupyter."""

import base64
from html import escape
from pathlib import Path
from urllib.parse import quote

FOLDER = Path(__file__).with_name("elements")
SCRIPTS = ("generator.js", "player.js", "decoder.js", "define.js")


def script() -> str:
    """Defines the elements `glo-player` and `glo-decoder`, once however often it is run."""
    parts = [(FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS]
    return f'if (!customElements.get("glo-player")) {{\n{"".join(parts)}}}\n'


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
