"""What executed notebooks hold beside their text: figures and tables, findings, numbers."""

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode

from reports.bind.pandoc import DocumentError
from reports.schema import IMAGES, PNG, PREFIXES, SVG, Figure, Finding, Numbers, published

INJECTED = "injected-parameters"  # the tag of the cell that papermill has added
HIDDEN = {"parameters", INJECTED, "setup"}  # tags of cells that are not shown


@dataclass(frozen=True)
class ExecutedSection:
    """A section's notebook with its outputs; `name` is its file's stem, such as `20-noise`."""

    name: str
    notebook: NotebookNode

    @property
    def key(self) -> str:
        """The section's name in the results: `20-noise` gives `noise`."""
        return re.sub(r"^\d+-", "", self.name)


@dataclass(frozen=True)
class Float:
    """A numbered figure, animation or table of a notebook.

    `data` maps MIME types to what the output holds of them.
    """

    figure: Figure
    number: int
    section: str
    notebook: str
    data: dict[str, str]

    @property
    def label(self) -> str:
        return self.figure.label

    @property
    def kind(self) -> str:
        return self.figure.kind

    @property
    def title(self) -> str:
        return f"{'Table' if self.kind == 'table' else 'Figure'} {self.number}"

    @property
    def gif(self) -> str:
        return gif_name(self.label)

    @property
    def file(self) -> str:
        return self.label + (".svg" if SVG in self.data else ".png")

    def still(self) -> bytes:
        """The picture for paper: vector if there is one, of an animation the film strip."""
        svg = self.file.endswith(".svg")
        return self.data[SVG].encode() if svg else base64.b64decode(self.data[PNG])


@dataclass
class Outputs:
    """What all notebooks have published, in reading order."""

    floats: dict[str, Float] = field(default_factory=dict)  # by label
    findings: list[Finding] = field(default_factory=list)
    numbers: dict[str, dict[str, Any]] = field(default_factory=dict)  # by section


def gif_name(label: str) -> str:
    """The file of an animation: `fig-scratch-l1` gives `scratch-l1.gif`."""
    return label.removeprefix("fig-") + ".gif"


def read_outputs(sections: Sequence[ExecutedSection]) -> Outputs:
    """Reads all outputs. Raises DocumentError for one that the report cannot show."""
    outputs = Outputs()
    for section in sections:
        if section.key in outputs.numbers:
            raise DocumentError(f"{section.name}: two sections are called {section.key!r}")
        outputs.numbers[section.key] = {}
        for where, cell, output in _outputs(section):
            if output.output_type == "error":
                raise DocumentError(f"{where}: the cell failed: {output.ename}: {output.evalue}")
            hidden = bool(HIDDEN & _tags(cell))
            try:
                _take(section, output, hidden, outputs)
            except ValueError as error:
                raise DocumentError(f"{where}: {error}") from error
    return outputs


def _outputs(section: ExecutedSection) -> Iterator[tuple[str, NotebookNode, NotebookNode]]:
    """Each output with its place in words and its cell, counted as in the notebook's source."""
    cells = [cell for cell in section.notebook.cells if INJECTED not in _tags(cell)]
    for number, cell in enumerate(cells, start=1):
        for output in cell.get("outputs", []):
            yield f"{section.name}, cell {number}", cell, output


def _tags(cell: NotebookNode) -> set[str]:
    return {*cell.metadata.get("tags", [])}


def _take(section: ExecutedSection, output: NotebookNode, hidden: bool, outputs: Outputs) -> None:
    """Adds an output to what the notebooks have published; a hidden cell's figures are not shown.

    Raises:
        ValueError: The output is not as the schema says, or contradicts another one.
    """
    data, found = output.get("data", {}), published(output.get("metadata", {}))
    if isinstance(found, Numbers):
        numbers = outputs.numbers[section.key]
        for name, value in found.numbers.items():
            if numbers.setdefault(name, value) != value:
                raise ValueError(f"result {name!r} already has another value")
    elif isinstance(found, Finding):
        outputs.findings.append(found)
    elif isinstance(found, Figure) and not hidden:
        found.check(data)
        if found.label in outputs.floats:
            known = outputs.floats[found.label].section
            raise ValueError(f"label {found.label!r} is already used in {known}")
        number = 1 + sum(
            PREFIXES[each.figure.kind] == PREFIXES[found.kind] for each in outputs.floats.values()
        )
        outputs.floats[found.label] = Float(found, number, section.key, section.name, data)
    elif found is None and not hidden and data.keys() & IMAGES:
        raise ValueError("a figure without label, caption and alt (metadata 'glo')")
