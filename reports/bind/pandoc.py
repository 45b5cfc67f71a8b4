"""Pandoc, and the tree that it reads text into: parse, change nodes, write.

A node is a dict {"t": type, "c": content}; blocks and inlines are lists of nodes.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pypandoc

Node = dict[str, Any]
# As in Jupyter, a list or a heading needs no blank line before it.
READER = "-fmarkdown+lists_without_preceding_blankline-blank_before_header"
SEPARATOR = "\N{INFORMATION SEPARATOR TWO}"  # which no name has: it is no text


class DocumentError(RuntimeError):
    """The notebooks cannot be bound; the message names the notebook and what is allowed."""


def pandoc(where: str, text: str, *options: str) -> str:
    """One run of pandoc. Raises DocumentError, which names `where`, also for what it warns of."""
    command = [pypandoc.get_pandoc_path(), "--fail-if-warnings", *options]
    # In a locale without UTF-8, or one that is not there, a path beyond ASCII cannot be opened
    unicode = os.environ | {"LC_ALL": "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"}
    done = subprocess.run(
        command, input=text, capture_output=True, encoding="utf-8", env=unicode, check=False
    )
    if done.returncode:
        raise DocumentError(f"{where}: pandoc cannot convert the text: {done.stderr.strip()}")
    return done.stdout


def parse(where: str, markdown: str) -> list[Node]:
    """Markdown as a list of blocks."""
    # The columns of a pipe table with longer lines than this are as wide as its ruler says.
    return list(json.loads(pandoc(where, markdown, READER, "-tjson", "--columns=100"))["blocks"])


def render(blocks: list[Node], form: str, meta: dict[str, Node], *options: str) -> str:
    """Blocks as text in one of pandoc's output formats."""
    tree = {"pandoc-api-version": [1, 23, 1], "meta": meta, "blocks": blocks}
    return pandoc(
        f"report.{form}", json.dumps(tree), "-fjson", f"-t{form}", "--wrap=none", *options
    )


def plain(texts: Sequence[list[Node]]) -> list[str]:
    """Texts, each a list of inlines, without markup and with formulas in Unicode.

    Pandoc runs once for all of them, with a separator behind each.
    """

    def bare(node: Node) -> Node | list[Node]:
        return list(node["c"]) if node["t"] in ("Emph", "Strong") else node

    blocks = [
        {"t": "Para", "c": inlines} for text in texts for inlines in (text, [string(SEPARATOR)])
    ]
    written = render(walk(blocks, bare), "plain", {}).split(SEPARATOR)
    return [" ".join(text.split()) for text in written[: len(texts)]]


def walk(tree: Any, change: Callable[[Node], Node | list[Node]]) -> Any:
    """A copy of a tree, from its leaves up, with each node turned into another or into several.

    `change` gets nodes of the copy, so it may alter them: the tree stays as it is.
    """
    if isinstance(tree, list):
        copy: list[Any] = []
        for old in tree:
            new = walk(old, change)
            copy += new if isinstance(old, dict) and isinstance(new, list) else [new]
        return copy
    if isinstance(tree, dict):
        node = {key: walk(value, change) for key, value in tree.items()}
        return change(node) if "t" in node else node
    return tree


def is_div(node: Node, name: str) -> bool:
    """Whether a node is a Div of this class."""
    return node["t"] == "Div" and name in node["c"][0][1]


def string(text: str) -> Node:
    """Text as it is."""
    return {"t": "Str", "c": text}


def link(name: str, inlines: list[Node], target: str) -> Node:
    """A link of the class `name`."""
    return {"t": "Link", "c": [["", [name], []], inlines, [target, ""]]}


def raw(form: str, text: str) -> Node:
    """A block that is already in the form that is written."""
    return {"t": "RawBlock", "c": [form, text]}
