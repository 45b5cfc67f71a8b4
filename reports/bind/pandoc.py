"""Pandoc, and the tree that it reads text into: parse, change nodes, write.

A node is a dict {"t": type, "c": content}; blocks and inlines are lists of nodes.
"""

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pypandoc

Node = dict[str, Any]
# As in Jupyter, a list or a heading needs no blank line before it.
READER = "-fmarkdown+lists_without_preceding_blankline-blank_before_header"


class DocumentError(RuntimeError):
    """The notebooks cannot be bound; the message names the notebook and what is allowed."""


def pandoc(where: str, text: str, *options: str) -> str:
    command = [pypandoc.get_pandoc_path(), "--fail-if-warnings", *options]
    done = subprocess.run(command, input=text, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise DocumentError(f"{where}: pandoc cannot convert the text: {done.stderr.strip()}")
    return done.stdout


def parse(where: str, markdown: str) -> list[Node]:
    # A pipe table with longer lines than this shares out the page as the dashes of its ruler say.
    return list(json.loads(pandoc(where, markdown, READER, "-tjson", "--columns=100"))["blocks"])


def render(blocks: list[Node], form: str, meta: dict[str, Node], *options: str) -> str:
    tree = {"pandoc-api-version": [1, 23, 1], "meta": meta, "blocks": blocks}
    return pandoc(
        f"report.{form}", json.dumps(tree), "-fjson", f"-t{form}", "--wrap=none", *options
    )


def plain(inlines: list[Node]) -> str:
    """Text without markup, formulas in Unicode."""
    bare = walk(inlines, lambda node: node["c"] if node["t"] in ("Emph", "Strong") else node)
    return " ".join(render([{"t": "Para", "c": bare}], "plain", {}).split())


def walk(tree: Any, change: Callable[[Node], Node | list[Node]]) -> Any:
    """Copy a tree from its leaves up, with each node turned into another or into several."""
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
    return node["t"] == "Div" and name in node["c"][0][1]


def string(text: str) -> Node:
    return {"t": "Str", "c": text}


def link(name: str, inlines: list[Node], target: str) -> Node:
    return {"t": "Link", "c": [["", [name], []], inlines, [target, ""]]}


def raw(form: str, text: str) -> Node:
    return {"t": "RawBlock", "c": [form, text]}
