"""Lists of classes: names, the ids that label images and benchmarks use, and colours."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

_BUILT_IN_FILE: Final = Path(__file__).with_name("classes.json")

BUILT_IN: Final = ("scannet-20", "scannet-40", "scannet-200", "nyuv2-40", "sunrgbd-37")
"""Names of the lists that come with the package."""


@dataclass(frozen=True, slots=True)
class ClassList:
    """K classes; id 0 is never one of them, it means no label.

    Attributes
    ----------
    name
        Of the list.
    ids
        (K,) int64, distinct and > 0. ScanNet-20, ScanNet-40, NYUv2-40 and SUNRGBD-37 use the NYU40 ids,
        ScanNet-200 those of ScanNet's label table, as their benchmarks do.
    names
        K names, as they are shown to a text encoder.
    colors
        (K, 3) uint8 RGB.
    """

    name: str
    ids: npt.NDArray[np.int64]
    names: tuple[str, ...]
    colors: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        """Number of classes."""
        return len(self.ids)

    def colors_of(self, labels: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        """Colours (..., 3) uint8 of label ids (...); ids that are no class, 0 among them, are grey."""
        label = np.asarray(labels, dtype=np.int64)
        order = np.argsort(self.ids)
        place = order[np.minimum(np.searchsorted(self.ids, label, sorter=order), len(self) - 1)]
        known = self.ids[place] == label
        return np.where(known[..., None], self.colors[place], np.uint8(128))

    def id_of(self, name: str) -> int:
        """Id of the class of a name.

        Raises
        ------
        ValueError
            If there is none; the message names the closest ones.
        """
        if name not in self.names:
            raise ValueError(
                f"class list {self.name!r} has no class {name!r}{_did_you_mean(name, self.names)}"
            )
        return int(self.ids[self.names.index(name)])


def class_list(name: str | Path) -> ClassList:
    """Load a built-in list or a file.

    Parameters
    ----------
    name
        One of `BUILT_IN`, or the path of a text file with one class a line: "name", numbered from 1, or
        "id<TAB>name". Empty lines and lines that begin with # are skipped; id 0 means unlabelled and is, too.

    Returns
    -------
    The classes.

    Raises
    ------
    ValueError
        If there is neither such a list nor such a file, or the file does not hold a list of classes.
    OSError
        If the file cannot be read.
    """
    wanted = str(name)
    if wanted.lower() in BUILT_IN:
        table = _built_in()[wanted.lower()]
        colors = np.array([list(bytes.fromhex(color)) for color in table["colors"]], np.uint8)
        return make_class_list(wanted.lower(), table["names"], table["ids"], colors)
    path = Path(name)
    if not path.is_file():
        raise ValueError(
            f"no class list or file {wanted!r}{_did_you_mean(wanted, BUILT_IN)}; "
            f"built-in lists: {', '.join(BUILT_IN)}; or give a text file with one class a line"
        )
    return _read(path)


def make_class_list(
    name: str,
    names: Sequence[str],
    ids: Sequence[int] | None = None,
    colors: npt.NDArray[np.uint8] | None = None,
) -> ClassList:
    """Build a list from names.

    Parameters
    ----------
    name
        Of the list.
    names
        K names, not empty, distinct.
    ids
        K distinct ids > 0; 1 to K by default.
    colors
        (K, 3) uint8; `palette(K)` by default.

    Raises
    ------
    ValueError
        If there is no class, a name is empty or given twice, or an id is given twice or not > 0.
    """
    numbers = list(range(1, len(names) + 1)) if ids is None else [int(i) for i in ids]
    if not names:
        raise ValueError(f"class list {name!r} must have at least one class, got none")
    if len(numbers) != len(names):
        raise ValueError(f"class list {name!r} must have an id a name, got {len(numbers)} for {len(names)}")
    if "" in (stripped := [text.strip() for text in names]):
        raise ValueError(
            f"class list {name!r}: class {stripped.index('') + 1} must have a name, got an empty one"
        )
    for what, items in (("names", stripped), ("ids", numbers)):
        count = Counter[object](items)
        if len(count) < len(items):
            twice = count.most_common(1)[0][0]
            raise ValueError(f"class list {name!r} must have distinct {what}, got {twice!r} more than once")
    if min(numbers) < 1:
        raise ValueError(f"class list {name!r} must have ids > 0 (0 means unlabelled), got {min(numbers)}")
    chosen = palette(len(names)) if colors is None else colors
    return ClassList(name, np.array(numbers, np.int64), tuple(stripped), chosen)


def palette(count: int) -> npt.NDArray[np.uint8]:
    """Make distinct colours, always the same ones; a longer palette begins with the shorter one.

    Each colour is the one farthest from all before it, and from black, grey and white, among a lattice of
    4,096; more colours than that repeat.

    Parameters
    ----------
    count
        How many, >= 0.

    Returns
    -------
    (count, 3) uint8 RGB.
    """
    levels = np.arange(16) * 17
    lattice = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 3)
    seen_as = lattice * np.sqrt([2.0, 4.0, 3.0])  # the eye tells greens apart better than reds and blues
    taken = np.flatnonzero((lattice == lattice[:, :1]).all(axis=1))  # the greys
    nearest = np.full(len(lattice), np.inf)
    for grey in taken:
        nearest = np.minimum(nearest, ((seen_as - seen_as[grey]) ** 2).sum(axis=1))
    chosen: list[int] = []
    for _ in range(min(count, len(lattice))):
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, ((seen_as - seen_as[chosen[-1]]) ** 2).sum(axis=1))
    return lattice[np.resize(chosen, count).astype(np.int64)].astype(np.uint8)


@cache
def _built_in() -> dict[str, dict[str, Any]]:
    tables: dict[str, dict[str, Any]] = json.loads(_BUILT_IN_FILE.read_text(encoding="utf-8"))
    return tables


def _read(path: Path) -> ClassList:
    """Read one class a line; either every line has an id, or none has."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: a class list must be UTF-8 text, got {error.reason}") from error
    lines = [line.strip(" ") for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if not any("\t" in line for line in lines):
        return make_class_list(path.stem, lines)
    ids, names = [], []
    for line in lines:
        number, tab, class_name = line.partition("\t")
        if not tab or not number.strip().isdecimal():
            raise ValueError(f"{path}: expected lines of 'id<TAB>name' (a number first), got {line!r}")
        if int(number) != 0:
            ids.append(int(number))
            names.append(class_name)
    return make_class_list(path.stem, names, ids)


def _did_you_mean(word: str, choices: Sequence[str]) -> str:
    close = difflib.get_close_matches(word.lower(), choices, n=3, cutoff=0.5)
    return f" (did you mean {' or '.join(map(repr, close))}?)" if close else ""
