"""The report for the screen: one HTML file, and the animations as GIFs beside it."""

import base64
import hashlib
import html
import re
from functools import partial
from pathlib import Path

from reports.bind.document import TEMPLATES, Report, write, write_whole
from reports.bind.links import float_of
from reports.bind.numbering import is_formula
from reports.bind.outputs import Float
from reports.bind.pandoc import Node, is_div, link, raw, string
from reports.schema import GIF, HTML, PNG, SVG, WEBP
from reports.show import page


def write_html(report: Report, path: Path) -> None:
    """Writes one self-contained HTML file; of its links only `animations/*.gif` are relative."""
    script = (page.script() + (TEMPLATES / "report.js").read_text("utf-8")).strip()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    options = ["--mathml", "--toc", "--toc-depth=2", "--number-sections", "--section-divs"]
    options += [f"--variable=script:{script}", f"--variable=script-hash:sha256-{digest}"]
    options += [f"--variable=moving-style:{page.style()}"]
    text = write(report, "html", partial(_html, report), *options)
    # Links to single lines of code, which nobody can see, are a fiftieth of the whole file.
    text = re.sub(r'<a href="#cb[\d-]+" aria-hidden="true" tabindex="-1"></a>', "", text)
    write_whole(path, re.sub(r'<span id="cb[\d-]+">', "<span>", text).encode())


def write_animations(report: Report, folder: Path) -> list[Path]:
    """Writes each animation's GIF into `folder`: `animations/` beside the report."""
    folder.mkdir(parents=True, exist_ok=True)
    animations = [item for item in report.floats.values() if item.kind == "animation"]
    for item in animations:
        write_whole(folder / item.gif, base64.b64decode(item.data[GIF]))
    return [folder / item.gif for item in animations]


def _html(report: Report, node: Node) -> Node | list[Node]:
    if node["t"] == "Header":  # a link to itself, so that readers can hand on the place
        node["c"][2] = [link("self", node["c"][2], f"#{node['c'][1][0]}")]
    if node["t"] == "Table":
        return [raw("html", '<div class="scroll">'), node, raw("html", "</div>")]
    if is_formula(node):
        number = report.titles[node["c"][0][0]].removeprefix("Equation ")
        node["c"][1].append({"t": "Span", "c": [["", ["number"], []], [string(f"({number})")]]})
    if is_div(node, "code"):
        summary = '<details class="code"><summary>Code</summary>'
        return [raw("html", summary), *node["c"][1], raw("html", "</details>")]
    if is_div(node, "float"):
        return _figure(report, node)
    return node


def _figure(report: Report, node: Node) -> list[Node]:
    """A figure or table with its caption and its origin."""
    item, (caption, *body) = float_of(node, report.floats), node["c"][1]
    if item.kind == "animation":
        caption["c"] += [{"t": "Space"}, link("gif", [string("GIF")], f"animations/{item.gif}")]
    start = raw("html", f'<figure id="{item.label}" class="{item.kind}">\n')
    origin = raw("html", _origin(item, report.front.command))
    captioned = [raw("html", "<figcaption>"), caption, origin, raw("html", "</figcaption>")]
    if item.kind == "table":
        return [start, *captioned, *body, raw("html", "</figure>")]
    shown = _still(item) if item.kind == "figure" else item.data[HTML]
    return [start, raw("html", shown), *captioned, raw("html", "</figure>")]


def _still(item: Float) -> str:
    """A figure that does not move, in the best form that there is for the screen."""
    form = next(each for each in (SVG, WEBP, PNG) if each in item.data)
    data, alt = item.data[form], html.escape(item.figure.alt)
    source = page.svg_address(data) if form == SVG else f"data:{form};base64,{data}"
    kind = "still plot" if form == SVG else "still"
    style = f"--width: {item.figure.width:.0%}"
    image = f'<img class="{kind}" src="{source}" alt="{alt}" style="{style}">'
    return f'<div class="scroll">{image}</div>'


def _origin(item: Float, command: str) -> str:
    """Where a figure comes from, folded: its label, its notebook and models, and how to repeat."""
    names = " ".join(item.figure.runs)
    runs = f"<dt>models in runs/</dt><dd>{names}</dd>" if names else ""
    return (
        f'<details class="source"><summary>Source</summary><dl><dt>label</dt><dd>'
        f'<a href="#{item.label}">{item.label}</a></dd><dt>notebook</dt>'
        f"<dd>notebooks/{html.escape(item.notebook)}.ipynb</dd>{runs}<dt>command</dt>"
        f"<dd><pre><code>{html.escape(command)}</code></pre></dd></dl></details>"
    )
