"""What a notebook hands to the builder, in the metadata of its outputs: one schema for both.

An output's metadata holds, under the key "glo", one of the models of this module. What the output
shows is in its data, by MIME type.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

SVG, PNG, WEBP, GIF, HTML, MARKDOWN = (
    "image/svg+xml",
    "image/png",
    "image/webp",  # smaller than PNG, for the screen
    "image/gif",
    "text/html",
    "text/markdown",
)
# An output that holds one of these is shown as an image, so it needs a label and a caption.
IMAGES = frozenset({SVG, PNG, WEBP, GIF, HTML})
# The key of an output's metadata that holds one of the models below.
KEY = "glo"

Kind = Literal["figure", "live", "animation", "table"]
PREFIXES: dict[Kind, str] = {"figure": "fig", "live": "fig", "animation": "fig", "table": "tbl"}
# The data that a kind must carry; of the types in one group, any will do.
NEEDS: dict[Kind, list[tuple[str, ...]]] = {
    "figure": [(SVG, PNG)],
    "live": [(HTML,), (SVG, PNG)],  # on the screen, and still on paper
    "animation": [(HTML,), (PNG,), (GIF,)],
    "table": [(MARKDOWN,)],
}


class _Published(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def metadata(self) -> dict[str, Any]:
        """As the metadata of an output."""
        return {KEY: self.model_dump(mode="json")}


class Figure(_Published):
    """A numbered figure, animation or table.

    Fields:
        label: How text refers to it, such as fig-leakage or tbl-best.
        caption: Markdown.
        alt: What it shows, for those who do not see it; a table needs none.
        width: A proportion of the text's width.
        runs: The models that it shows or measures, by their names in the store.
    """

    kind: Kind
    label: str
    caption: str
    alt: str = ""
    width: float = 1.0
    runs: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        prefix = PREFIXES[self.kind]
        if not re.fullmatch(prefix + r"(-[a-z0-9]+)+", self.label):
            shape = f"{prefix}-words-in-lower-case"
            raise ValueError(f"{self.kind} with label {self.label!r}; it must look like {shape}")
        for name in ("caption",) if self.kind == "table" else ("caption", "alt"):
            if not getattr(self, name).strip():
                raise ValueError(f"{self.label!r} has no {name}")
        if not 0 < self.width <= 1:
            raise ValueError(
                f"width {self.width:g} of {self.label!r} must be above 0 and at most 1"
            )
        return self

    def check(self, data: Mapping[str, Any]) -> None:
        """Raises ValueError unless an output's data have what this kind needs."""
        for group in NEEDS[self.kind]:
            if not data.keys() & {*group}:
                raise ValueError(f"{self.kind} {self.label!r} needs data as {' or '.join(group)}")


class Numbers(_Published):
    """Numbers that a section states, by their names in `results.json`."""

    kind: Literal["numbers"] = "numbers"
    numbers: dict[str, Any]


class Verdict(BaseModel):
    """Whether a claim holds for the models of one method, and why.

    `holds` is None where the study has not what it takes to decide.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    holds: bool | None
    evidence: str

    @property
    def words(self) -> str:
        """The words for it: they change when the numbers do."""
        if self.holds is None:
            return "cannot be decided here"
        return "holds" if self.holds else "does not hold"


class Finding(_Published):
    """A claim of the old report and what became of it, by the methods it is decided on.

    `verdicts` are by the methods' names; `figure` is the label of the figure that shows what the
    first of them follows from.
    """

    kind: Literal["finding"] = "finding"
    id: int
    claim: str
    figure: str
    verdicts: dict[str, Verdict]


Published = Figure | Numbers | Finding
_ADAPTER: TypeAdapter[Published] = TypeAdapter(Annotated[Published, Field(discriminator="kind")])


def published(metadata: Mapping[str, Any]) -> Published | None:
    """What an output's metadata hold for the builder, or None.

    Raises:
        ValueError: They hold something else than this schema allows; the message says what.
    """
    if KEY not in metadata:
        return None
    try:
        return _ADAPTER.validate_python(metadata[KEY])
    except ValidationError as error:
        raise ValueError("; ".join(_explained(each) for each in error.errors())) from error


def _explained(problem: Any) -> str:
    """One of pydantic's validation errors in the words of this schema."""
    if problem["type"] == "value_error":  # one of ours
        return str(problem["ctx"]["error"])
    if problem["type"] in ("union_tag_invalid", "union_tag_not_found"):
        known = ", ".join([*PREFIXES, "numbers", "finding"])
        return f"kind {problem['input'].get('kind')!r} is not one of {known}"
    place = ".".join(map(str, problem["loc"])) or "metadata"
    return f"{place} = {problem['input']!r}: {problem['msg']}"
