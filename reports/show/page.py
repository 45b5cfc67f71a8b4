"""What makes pictures in HTML move: one script and one style, for the report and for Jupyter."""

import base64
from html import escape
from pathlib import Path
from urllib.parse import quote

FOLDER = Path(__file__).with_name("elements")
SCRIPTS = ("generator.js", "player.js", "decoder.js", "define.js")


def script() -> str:
    """The elements `glo-player` and `glo-decoder`, defined once however often it is run."""
    parts = [(FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS]
    return f'if (!customElements.get("glo-player")) {{\n{"".join(parts)}}}\n'


def style() -> str:
    """How they look."""
    return (FOLDER / "page.css").read_text(encoding="utf-8")


def base64_of(content: bytes) -> str:
    """Bytes as text, a third longer."""
    return base64.b64encode(content).decode()


def svg_address(svg: str) -> str:
    """A drawing as the source of an `<img>`; a quarter shorter than in base64."""
    return "data:image/svg+xml," + quote(svg.replace('"', "'"), safe=" =:/;,()_.*+!?&@$[]{}|~-'")


def element(name: str, content: str, **data: str) -> str:
    """One of the elements around its content; `data` are what its script reads as `dataset`."""
    attributes = "".join(f' data-{key}="{escape(value)}"' for key, value in data.items())
    return f"<{name}{attributes}>{content}</{name}>"
