"""`creation_meta.json`: what was done to a data set in NICR layout, run by run, and which teachers it has.

Their loader merges all runs, later entries winning, and refuses a teacher that the result does not list. So
what is noted here repeats what was noted before.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from student.atomic_file import atomic_file
from student.teacher.errors import TeacherError

META_FILE: Final = "creation_meta.json"
_LAYOUT_VERSION: Final = "0.9.1"  # of the NICR package whose layout this is, where no earlier run says it
_PREFIX: Final = "auxiliary_"


def read_additional(root: Path) -> dict[str, Any]:
    """Return what all runs note beside themselves, merged as the NICR loader does.

    Raises
    ------
    TeacherError
        The file is damaged.
    """
    merged: dict[str, Any] = {}
    for run in _read_runs(root):
        merged = _merge(merged, run.get("additional_meta") or {})
    return merged


def note_run(root: Path, command: str, **notes: Any) -> None:
    """Append a run. Lists and dicts grow by what was noted before; a run that adds nothing is not noted.

    Parameters
    ----------
    root
        Of the data set.
    command
        What was typed.
    **notes
        Without the prefix `auxiliary_`: depth_estimators=["depthanything_v2__indoor_large"], ...

    Raises
    ------
    TeacherError
        The file is damaged.
    """
    before = read_additional(root)
    grown = {_PREFIX + key: _grow(before.get(_PREFIX + key), value) for key, value in notes.items()}
    if all(before.get(key) == value for key, value in grown.items()):
        return
    runs = _read_runs(root)
    now = time.time()
    entry = {
        "command": command,
        "timestamp": int(now),
        "local_time": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now)),
        "version": runs[-1].get("version", _LAYOUT_VERSION) if runs else _LAYOUT_VERSION,
        "additional_meta": grown,
    }
    with atomic_file(root / META_FILE) as temporary:
        temporary.write_text(json.dumps([*runs, entry], indent=4) + "\n", encoding="utf-8")


def _read_runs(root: Path) -> list[dict[str, Any]]:
    file = root / META_FILE
    if not file.is_file():
        return []
    try:
        runs = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise TeacherError(f"{file} is damaged ({error}); restore it, or remove it") from None
    runs = [runs] if isinstance(runs, dict) else runs
    if not isinstance(runs, list) or not all(isinstance(run, dict) for run in runs):
        raise TeacherError(f"{file}: expected a list of runs; restore it, or remove it")
    return runs


def _merge(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(before)
    for key, value in after.items():
        known = merged.get(key)
        if isinstance(known, dict) and value is None:
            continue
        merged[key] = _merge(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return merged


def _grow(before: Any, value: Any) -> Any:
    if isinstance(value, dict):
        return _merge(before, value) if isinstance(before, dict) else value
    if isinstance(value, list) and isinstance(before, list):
        return [*before, *(item for item in value if item not in before)]
    return value
