"""Sections as if they had been run."""

from typing import Any

import nbformat.v4

from reports.bind.outputs import ExecutedSection
from reports.schema import Figure

V4: Any = nbformat.v4


def section(*labels: str) -> ExecutedSection:
    """A section with a figure for each label, all of them animations."""
    outputs = [
        V4.new_output(
            "display_data",
            {"text/html": "", "image/png": "", "image/gif": "R0lGODlh"},
            metadata=Figure(kind="animation", label=label, caption="c", alt="a").metadata(),
        )
        for label in labels
    ]
    cells = [V4.new_markdown_cell("# Traps"), V4.new_code_cell("", outputs=outputs)]
    return ExecutedSection("45-traps", V4.new_notebook(cells=cells))
