"""How people write parameters: a YAML file, and words `NAME=VALUE` behind `make`."""

import difflib
import logging
import os
import re
import reprlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_origin

import yaml
from pydantic import ValidationError

from reports.parameters import Parameters

log = logging.getLogger("report")

SHORT = reprlib.Repr()  # of values in messages, however large or deep
SHORT.maxstring, SHORT.maxother, SHORT.maxlevel = 80, 80, 2
# The last three are PyYAML's for a value that is not of the kind that its own tag names.
UNREADABLE = (yaml.YAMLError, ValueError, RecursionError, LookupError, TypeError, AttributeError)


class ParameterError(ValueError):
    """Parameters that cannot be used; the message names each field, its value and why."""


class _Loader(yaml.SafeLoader):
    """YAML with numbers as people write them: 010 is ten, 1e-3 a number, and `no` a word."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        names = [str(name.value) for name, _ in node.value]
        if twice := {name for name in names if names.count(name) > 1}:
            raise yaml.YAMLError(f"{', '.join(sorted(twice))} is given twice")
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {}
for kind, form in (
    ("bool", "true|True|false|False"),
    ("int", r"[-+]?[0-9]+(_[0-9]+)*"),
    ("float", r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?"),
    ("null", "null|~|"),
):
    pattern = re.compile(rf"^({form})$")
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", pattern, None)
_Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(node.value))


def read(path: Path | str, overrides: dict[str, Any] | None = None) -> Parameters:
    """The parameters of a YAML file, with some of them replaced.

    Raises ParameterError, naming all that is wrong at once: an unknown name (with the nearest
    right one), a missing one, a value that is not allowed, a file that is not there.
    """
    try:
        values = yaml.load(Path(path).read_text(encoding="utf-8"), _Loader)
    except (OSError, *UNREADABLE) as error:
        raise ParameterError(f"cannot read the parameter file {path}: {error}") from error
    if not isinstance(values, dict):
        raise ParameterError(f"{path}: expected lines of the form `name: value`")
    try:
        return Parameters.model_validate({**values, **(overrides or {})})
    except ValidationError as error:
        problems = "\n".join(f"  {_explained(problem)}" for problem in error.errors())
        raise ParameterError(f"parameters that cannot be used ({path}):\n{problems}") from error


def parse_overrides(assignments: Iterable[str]) -> dict[str, Any]:
    """What the words `NAME=VALUE` behind `make` say, by name.

    Warns of parameters in the environment, as by `EPOCHS=3 make report`: they are not used, since
    a machine may have an N or a DATA of its own.
    """
    found: dict[str, Any] = {}
    for name, value in map(parse_override, assignments):
        if name in found:
            raise ParameterError(f"{name} is given twice: write it once")
        found[name] = value
    for name in Parameters.model_fields.keys() - found.keys():
        if value := os.environ.get(name.upper()):
            word = f"{name.upper()}={value}"
            log.warning(
                "%s stands in the environment, which is not used: write it after `make report`",
                word,
            )
    return found


def parse_override(text: str) -> tuple[str, Any]:
    """`SIGMAS=0,0.1` as ("sigmas", [0, 0.1]): names in any case, lists with commas.

    Values are read as YAML reads them, but for numbers, which are as people write them.
    """
    name, equals, value = (part.strip() for part in text.partition("="))
    name, said = name.lower(), SHORT.repr(text)
    if not equals:
        raise ParameterError(f"{said}: expected NAME=VALUE")
    field = Parameters.model_fields.get(name)
    if field is not None and field.annotation is str:
        return name, value
    if field is not None and not value:
        raise ParameterError(f"{said} has no value: write one, or leave {name} out")
    if field is not None and get_origin(field.annotation) is tuple and value[0] != "[":
        if not all(part.strip() for part in value.split(",")):
            raise ParameterError(f"{said}: there is a comma without a value beside it")
        value = f"[{value}]"
    try:
        return name, yaml.load(value, _Loader)
    except UNREADABLE as error:
        raise ParameterError(f"{said}: cannot read the value") from error


def _explained(problem: Any) -> str:
    """One validation error in the words of the parameter file."""
    message = str(problem["msg"]).removeprefix("Value error, ")
    if not problem["loc"]:
        return message
    name, *place = (str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        known = [*Parameters.model_fields, "params"]
        near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known[:-1])}"
        if near == ["params"]:  # which is make's
            hint = "did you mean PARAMS=FILE, in capitals?"
        return f"unknown name {name!r}: {hint}"
    if problem["type"] == "missing":
        return f"{name} is missing"
    where = f"{name}[{place[0]}]" if place else name
    return f"{where} = {SHORT.repr(problem['input'])}: {message}"
