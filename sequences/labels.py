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
    for parent in (folder, *folder.resolve().parents[:3]):
        if (parent / SCANNET_TABLE).is_file():
            return _parse_table(parent / SCANNET_TABLE)
    return {}


def _parse_names(path: Path) -> dict[int, str]:
    """Lines "id<TAB>name" or "id name"; or one name a line, where line n (from 1) names id n."""
    lines = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    pairs = [line.split(maxsplit=1) for line in lines]
    if all(len(pair) == 2 and pair[0].isdecimal() for pair in pairs):
        names = {int(number): name for number, name in pairs}
    else:
        names = dict(enumerate(lines, start=1))
    return {number: name for number, name in names.items() if number != 0}


def _parse_table(path: Path) -> dict[int, str]:
    """Tsv id -> category; of several rows with one id (aliases) the first counts."""
    names: dict[int, str] = {}
    for row in csv.DictReader(read_text(path).splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE):
        try:
            names.setdefault(int(row["id"]), row["category"] or row["raw_category"])
        except (KeyError, TypeError, ValueError) as error:
            raise SequenceError(
                f"{path}: expected tab-separated columns id, raw_category and category, got the row {row}"
            ) from error
    return names
