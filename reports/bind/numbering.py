"""Numbers for headings and displayed formulas, the same in both documents."""

import re

from reports.bind.outputs import ExecutedSection
from reports.bind.pandoc import DocumentError, Node, plain, walk


def number_headings(
    section: ExecutedSection, blocks: list[Node], counts: list[int], titles: dict[str, str]
) -> None:
    """Counts headings as pandoc and Typst will do, and gives each an id of its own.

    Args:
        section: Where the blocks are from.
        blocks: Their headings' ids are changed in place.
        counts: How many headings of each of six levels there are so far; counted on.
        titles: What a reference to a label says; the headings' titles are added.
    """
    if not blocks or blocks[0]["t"] != "Header" or blocks[0]["c"][0] != 1:
        raise DocumentError(f"{section.name}: the first cell must start with '# Section title'")
    for level, attributes, text in [block["c"] for block in blocks if block["t"] == "Header"]:
        label, classes, _ = attributes
        if label in titles and label.startswith("sec-"):
            raise DocumentError(f"{section.name}: label {label!r} is already used")
        while label in titles:  # two notebooks may both have a heading "Results"
            label = attributes[0] = f"{section.key}-{label}"
        if "unnumbered" in classes:
            (titles[label],) = plain([text])
        else:
            counts[level - 1 :] = [counts[level - 1] + 1, *[0] * (6 - level)]
            titles[label] = "Section " + ".".join(map(str, counts[:level]))


def number_formulas(where: str, blocks: list[Node], titles: dict[str, str]) -> list[Node]:
    """Puts each displayed formula into a Span that has the label written behind it as its id."""

    def change(node: Node) -> Node:
        if node["t"] == "Math" and node["c"][0]["t"] == "DisplayMath":
            return {"t": "Span", "c": [["", ["formula"], []], [node]]}
        if node["t"] not in ("Para", "Plain"):
            return node
        inlines: list[Node] = []
        for inline in node["c"]:
            label = re.fullmatch(r"\{#(eq(-[a-z0-9]+)+)\}", str(inline.get("c")))
            before = [each for each in inlines if each["t"] not in ("Space", "SoftBreak")]
            if not label or not before or not is_formula(before[-1]):
                inlines.append(inline)
                continue
            if label[1] in titles:
                raise DocumentError(f"{where}: label {label[1]!r} is already used")
            titles[label[1]] = f"Equation {1 + sum(key.startswith('eq-') for key in titles)}"
            before[-1]["c"][0][0] = label[1]
        return node | {"c": inlines}

    return list(walk(blocks, change))


def is_formula(node: Node) -> bool:
    """Whether a node is what `number_formulas` makes of a displayed formula."""
    return node["t"] == "Span" and "formula" in node["c"][0][1]
