"""Links for references, a list of cited works, and errors for what a document would not show."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

from reports.bind.numbering import is_formula
from reports.bind.outputs import Float
from reports.bind.pandoc import DocumentError, Node, is_div, link, string, walk

BIBLIOGRAPHY = Path(__file__).parents[1] / "references.bib"
LABEL = re.compile("(fig|tbl|sec|eq)-")  # @fig-one is a cross reference, @other a work in the list


@dataclass
class Linker:
    """Links the trees of sections; notes the captions and the works that it meets.

    Fields:
        titles: What a reference to a label says: "Figure 3", "Section 1.2".
        floats: All figures and tables, by label.
        captions: The inlines of each caption, by label.
        cited: The keys of the works that are cited.
    """

    titles: Mapping[str, str]
    floats: Mapping[str, Float]
    captions: dict[str, list[Node]] = field(default_factory=dict)
    cited: set[str] = field(default_factory=set)

    def linked(self, where: str, blocks: list[Node]) -> list[Node]:
        """A copy of the blocks with links. Raises DocumentError, which names `where`."""
        return list(walk(blocks, partial(self._change, where)))

    def _change(self, where: str, node: Node) -> Node | list[Node]:
        kind, content = node["t"], node.get("c", "")
        if is_formula(node) and not content[0][0]:
            formula = content[1][0]["c"][1].strip()
            what = "has no label; write {#eq-words-in-lower-case} behind it"
            raise DocumentError(f"{where}: the displayed formula {formula!r:.80} {what}")
        if kind == "Cite":
            return self._cite(where, node)
        if kind in ("RawInline", "RawBlock") and content[1].startswith("<!--"):
            return []
        if kind in ("RawInline", "RawBlock", "Image"):
            what = "raw HTML, raw TeX and images are not allowed in the text"
            raise DocumentError(f"{where}: {what}, but there is {content[1]!r:.80}")
        if is_div(node, "float"):
            self._caption(where, float_of(node, self.floats), content[1])
        return node

    def _cite(self, where: str, node: Node) -> Node:
        (first, *others), text = node["c"]
        if not any(LABEL.match(each["citationId"]) for each in (first, *others)):
            for each in (first, *others):
                self._note(where, each["citationId"])
            return node
        if others or first["citationPrefix"] or first["citationSuffix"]:
            words = "".join(word.get("c", " ") for word in text)
            raise DocumentError(f"{where}: {words!r} must be written as single @labels")
        label = first["citationId"]
        if label not in self.titles:
            near = difflib.get_close_matches(label, self.titles, n=1, cutoff=0)
            hint = f"the nearest label is @{near[0]}" if near else "there are no labels"
            raise DocumentError(f"{where}: unknown reference @{label}; {hint} (a bare @ is \\@)")
        return link("ref", [string(self.titles[label])], f"#{label}")

    def _note(self, where: str, work: str) -> None:
        if work not in _works():
            near = difflib.get_close_matches(work, _works(), n=1, cutoff=0)[0]
            hint = f"the nearest key of {BIBLIOGRAPHY.name} is @{near} (a bare @ is \\@)"
            raise DocumentError(f"{where}: unknown work @{work}; {hint}")
        self.cited.add(work)

    def _caption(self, where: str, item: Float, body: list[Node]) -> None:
        """Keeps a figure's caption, and puts its number before it."""
        expected = ["Para", "Table"] if item.kind == "table" else ["Para"]
        if [block["t"] for block in body] != expected:
            allowed = "a caption of one paragraph, and for a table one pipe table"
            raise DocumentError(f"{where}: {item.label!r} must have {allowed}")
        caption = body[0]["c"]
        if any(inline["t"] == "Cite" for inline in caption):  # it is also written as plain text
            raise DocumentError(f"{where}: the caption of {item.label!r} must not cite works")
        self.captions[item.label] = caption
        number = {"t": "Strong", "c": [string(f"{item.title}.")]}
        body[0]["c"] = [number, {"t": "Space"}, *caption]


def float_of(div: Node, floats: Mapping[str, Float]) -> Float:
    """The figure or table that a Div of the class `float` stands for."""
    return floats[dict(div["c"][0][2])["label"]]


@cache
def _works() -> list[str]:
    """The keys of the works that can be cited."""
    return re.findall(r"^@\w+\{([^,]+),$", BIBLIOGRAPHY.read_text("utf-8"), re.M)
