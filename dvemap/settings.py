"""Settings of any kind of run: a YAML file, `--set a.b=c`, and errors that name the nearest known setting."""

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)

ENTRY = "0"
"""Stands in names of settings for the number of an entry in a list."""


def read_yaml(path: Path) -> dict[str, Any]:
    """Read sections of settings; empty ones are empty, not None.

    Raises
    ------
    ValueError
        If the file is no YAML, or holds something else.
    OSError
        If it cannot be read.
    """
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise ValueError(f"{path}: expected YAML, got a file that is no UTF-8 text") from None
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise ValueError(f"{path}: {line}expected YAML, got {error.problem}") from None
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: expected YAML, got {error}") from None
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise ValueError(f"{path}: expected sections such as 'map:' at the top, got {type(loaded).__name__}")
    return {name: {} if section is None else section for name, section in loaded.items()}


def put_value(tree: dict[str, Any], name: str, value: Any) -> None:
    """Set `a.b` or, in a list, `a.0.b`.

    Raises
    ------
    ValueError
        If `a` holds a plain value, or has no such entry.
    """
    place: Any = tree
    *sections, last = name.split(".")
    for above, part in zip(["", *sections], sections, strict=False):
        place = place.setdefault(part, {}) if isinstance(place, dict) else _entry(place, part, name, above)
        if not isinstance(place, dict | list):
            raise ValueError(f"setting {name!r}: {part!r} holds a value, not a section")
    if isinstance(place, list):
        _entry(place, last, name, sections[-1])
        place[int(last)] = value
    else:
        place[last] = value


def put_assignments(tree: dict[str, Any], assignments: list[str]) -> None:
    """Set what `--set a.b=c` says; values are read as YAML.

    Raises
    ------
    ValueError
        If one is written otherwise.
    """
    for assignment in assignments:
        name, sign, text = assignment.partition("=")
        if not sign or not name.strip():
            raise ValueError(f"--set {assignment}: expected name=value, for example map.cell_size=0.1")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            raise ValueError(f"--set {assignment}: expected a plain value, got {text!r}") from None
        put_value(tree, name.strip(), value)


def validate(model: type[Model], tree: dict[str, Any], source: str) -> Model:
    """Make the settings of a tree.

    Raises
    ------
    ValueError
        For an unknown name (with the nearest known one) or a value out of its range.
    """
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        raise ValueError(f"{source}: {_explain(error, model)}") from None


def known_names(model: type[BaseModel]) -> list[str]:
    """Return the dotted names of all settings, `a.0.b` for those of the entries of a list."""
    return [name for name in _names(model, "") if "." in name]


def _names(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner, in_list = _section_in(field.annotation)
        if inner is None or in_list or field.default is None:
            yield f"{prefix}{name}"
        if inner is not None:
            yield from _names(inner, f"{prefix}{name}.{ENTRY}." if in_list else f"{prefix}{name}.")


def _section_in(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """Return the section that an annotation is, may be or lists, and whether it lists it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    found = [_section_in(part)[0] for part in get_args(annotation)]
    section = next((part for part in found if part is not None), None)
    return section, getattr(annotation, "__origin__", None) in (list, tuple)


def _entry(place: list[Any], number: str, name: str, section: str) -> Any:
    if not number.isdecimal() or int(number) >= len(place):
        raise ValueError(f"setting {name!r}: {section!r} has {len(place)} entries, from 0; got {number!r}")
    return place[int(number)]


def _explain(error: ValidationError, model: type[BaseModel]) -> str:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        numbers = [str(part) for part in first["loc"] if isinstance(part, int)]
        like = ".".join(ENTRY if isinstance(part, int) else str(part) for part in first["loc"])
        names = known_names(model)
        near = get_close_matches(like, [*model.model_fields, *names], n=1, cutoff=0.5)
        if near and numbers:
            near[0] = near[0].replace(f".{ENTRY}.", f".{numbers[0]}.", 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(names)}"
        return f"unknown setting {name!r}; {hint}"
    if first["type"] == "value_error":  # a rule between several settings says itself what came
        return f"setting {name!r}: {first['msg'].removeprefix('Value error, ')}"
    if first["type"] == "missing":
        return f"setting {name!r} is missing"
    if first["type"] == "model_type":
        return f"setting {name!r}: expected a section of settings, got {first['input']!r}"
    return f"setting {name!r}: {first['msg'].lower()}, got {first['input']!r}"
