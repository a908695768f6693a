"""Names of label ids, and folders of label images, where a data set brings them."""

from __future__ import annotations

import csv
from pathlib import Path

from sequences.errors import SequenceError
from sequences.text import read_text

SCANNET_TABLE = "scannetv2-labels.combined.tsv"
LABEL_FOLDERS = ("label-filt", "label")
INSTANCE_FOLDERS = ("instance-filt", "instance")


def find_label_folders(folder: Path) -> tuple[Path, Path | None]:
    """Folders of the label images and of the instance images (None where there is none) of a scene.

    Raises
    ------
    SequenceError
        If the scene has no label images.
    """
    labels = [folder / name for name in LABEL_FOLDERS if (folder / name).is_dir()]
    instances = [folder / name for name in INSTANCE_FOLDERS if (folder / name).is_dir()]
    if not labels:
        raise SequenceError(
            f"{folder}: labels were asked for, but there is no folder {' or '.join(LABEL_FOLDERS)}"
        )
    return labels[0], instances[0] if instances else None


def read_label_names(folder: Path) -> dict[int, str]:
    """Label id -> name of a scene; empty where nothing says.

    Looks for `label_names.txt` in the scene and, for ScanNet, for its table `scannetv2-labels.combined.tsv`
    there or up to three folders above. Id 0 is void and left out.

    Parameters
    ----------
    folder : pathlib.Path
        The scene.

    Returns
    -------
    dict of int to str
        By id.
    """
    names = folder / "label_names.txt"
    if names.is_file():
        return _parse_names(names)
    table = _find_table(folder)
    if table is None:
        return {}
    rows = _table_rows(table, "raw_category", "category")
    return {number: row["category"] or row["raw_category"] for number, row in rows.items()}


def read_nyu40_ids(folder: Path) -> dict[int, int]:
    """Raw label id -> NYU40 id of a ScanNet scene, 0 where NYU40 has no such class; else empty.

    Looks for the table where `read_label_names` does; a `label_names.txt` says that the ids are no raw ones.

    Parameters
    ----------
    folder : pathlib.Path
        The scene.

    Returns
    -------
    dict of int to int
        By raw id.
    """
    table = _find_table(folder)
    if table is None or (folder / "label_names.txt").is_file():
        return {}
    return {number: int(row["nyu40id"] or 0) for number, row in _table_rows(table, "nyu40id").items()}


def _find_table(folder: Path) -> Path | None:
    tables = (parent / SCANNET_TABLE for parent in (folder, *folder.resolve().parents[:3]))
    return next((table for table in tables if table.is_file()), None)


def _parse_names(path: Path) -> dict[int, str]:
    """Lines "id<TAB>name" or "id name"; or one name a line, where line n (from 1) names id n."""
    lines = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    pairs = [line.split(maxsplit=1) for line in lines]
    if all(len(pair) == 2 and pair[0].isdecimal() for pair in pairs):
        names = {int(number): name for number, name in pairs}
    else:
        names = dict(enumerate(lines, start=1))
    return {number: name for number, name in names.items() if number != 0}


def _table_rows(path: Path, *columns: str) -> dict[int, dict[str, str]]:
    """Tsv id -> row with these columns; of several rows with one id (aliases) the first counts."""
    rows: dict[int, dict[str, str]] = {}
    for row in csv.DictReader(read_text(path).splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE):
        number = row.get("id") or ""
        if not number.isdecimal() or any(row.get(column) is None for column in columns):
            raise SequenceError(
                f"{path}: expected tab-separated columns id, {' and '.join(columns)}, got the row {row}"
            )
        rows.setdefault(int(number), row)
    return rows
