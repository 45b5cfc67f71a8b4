"""The report for the screen: one HTML file, and the animations as GIFs beside it."""

import base64
import hashlib
import html
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reports.bind.document import (
    GIF,
    HTML,
    PNG,
    SVG,
    TEMPLATES,
    WEBP,
    Float,
    Report,
    Section,
    bind,
    float_of,
    is_formula,
    replace,
    write,
)
from reports.bind.pandoc import Node, is_div, link, raw, string
from reports.show import page


def write_html(sections: Sequence[Section], path: Path, meta: dict[str, Any]) -> None:
    """Write one self-contained HTML file; of its links only `animations/*.gif` are relative.

    `meta` as in `document.write`.
    """
    report = bind(sections)
    script = (page.script() + (TEMPLATES / "report.js").read_text("utf-8")).strip()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    options = ["--mathml", "--toc", "--toc-depth=2", "--number-sections", "--section-divs"]
    options += [f"--variable=script:{script}", f"--variable=script-hash:sha256-{digest}"]
    options += [f"--variable=moving-style:{page.style()}"]
    text = write(report, "html", meta, lambda node: _html(node, report, meta["command"]), *options)
    # Links to single lines of code, which nobody can see, are a fiftieth of the whole file.
    text = re.sub(r'<a href="#cb[\d-]+" aria-hidden="true" tabindex="-1"></a>', "", text)
    replace(path, re.sub(r'<span id="cb[\d-]+">', "<span>", text).encode())


def write_animations(sections: Sequence[Section], folder: Path) -> list[Path]:
    """Write each animation's GIF into `folder`: `animations/` beside the report."""
    folder.mkdir(parents=True, exist_ok=True)
    animations = [item for item in bind(sections).floats.values() if item.kind == "animation"]
    for item in animations:
        replace(folder / item.gif, base64.b64decode(item.data[GIF]))
    return [folder / item.gif for item in animations]


def _html(node: Node, report: Report, command: str) -> Node | list[Node]:
    if node["t"] == "Header":  # a link to itself, so that readers can hand on the place
        node["c"][2] = [link("self", node["c"][2], f"#{node['c'][1][0]}")]
    if node["t"] == "Table":
        return [raw("html", '<div class="scroll">'), node, raw("html", "</div>")]
    if is_formula(node):
        number = report.titles[node["c"][0][0]].removeprefix("Equation ")
        node["c"][1].append({"t": "Span", "c": [["", ["number"], []], [string(f"({number})")]]})
        return node
    if is_div(node, "code"):
        summary = '<details class="code"><summary>Code</summary>'
        return [raw("html", summary), *node["c"][1], raw("html", "</details>")]
    if not is_div(node, "float"):
        return node
    item, (caption, *body) = float_of(node, report), node["c"][1]
    start = raw("html", f'<figure id="{item.label}" class="{item.kind}">\n')
    caption_start, caption_end = raw("html", "<figcaption>"), raw("html", "</figcaption>")
    origin, end = raw("html", _origin(item, command)), raw("html", "</figure>")
    if item.kind == "table":
        return [start, caption_start, caption, origin, caption_end, *body, end]
    if item.kind == "animation":
        caption["c"] += [{"t": "Space"}, link("gif", [string("GIF")], f"animations/{item.gif}")]
    if item.kind == "figure":
        form = next(each for each in (SVG, WEBP, PNG) if each in item.data)
        data = item.data[form]
        source = page.svg_address(data) if form == SVG else f"data:{form};base64,{data}"
        style = f"--width: {item.width:.0%}"
        kind = "drawn plot" if form == SVG else "drawn"
        alt = html.escape(item.alt)
        shown = f'<img class="{kind}" src="{source}" alt="{alt}" style="{style}">'
        shown = f'<div class="scroll">{shown}</div>'
    else:
        shown = item.data[HTML]
    return [start, raw("html", shown), caption_start, caption, origin, caption_end, end]


def _origin(item: Float, command: str) -> str:
    """Where a figure comes from, folded: its label, its notebook and models, and how to repeat."""
    names = " ".join(item.runs)
    runs = f"<dt>models in runs/</dt><dd>{names}</dd>" if names else ""
    return (
        f'<details class="source"><summary>Source</summary><dl><dt>label</dt><dd>'
        f'<a href="#{item.label}">{item.label}</a></dd><dt>notebook</dt>'
        f"<dd>notebooks/{html.escape(item.notebook)}.ipynb</dd>{runs}<dt>command</dt>"
        f"<dd><pre><code>{html.escape(command)}</code></pre></dd></dl></details>"
    )
