"""The fields of a map: one row a cell, every one of them a sum (or a minimum, or a maximum)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

# Columns of a row of sums.
WEIGHT: Final = 0
S: Final = slice(1, 4)
Q: Final = slice(4, 10)
COLOR: Final = slice(10, 13)
CODE_WEIGHT: Final = 13
FIRST_SEEN: Final = 14
LAST_SEEN: Final = 15
SUMS: Final = 16


@dataclass(frozen=True, slots=True)
class Fields:
    """Parallel arrays over the n cells of a map; treat them as read-only.

    Attributes
    ----------
    key
        (n,) int64, packed cell indices (`mapping.keys`).
    weight
        (n,) int64, sum of the quantised pixel weights w (256 is 1.0).
    s
        (n, 3) int64, sum of w q, where q is the cell-local position in 1/4096 of the cell.
    Q
        (n, 6) int64, sums of w q q^T in the order xx, xy, xz, yy, yz, zz.
    color
        (n, 3) int64, sums of w times R, G, B.
    code
        (n, C) int32, sums of w c in fixed point; float16 or int8 in a compact map.
    code_weight
        (n,) int64, sum of the quantised weights of the codes, one a frame.
    first_seen, last_seen
        (n,) int64, nanoseconds.
    """

    key: npt.NDArray[np.int64]
    weight: npt.NDArray[np.int64]
    s: npt.NDArray[np.int64]
    Q: npt.NDArray[np.int64]
    color: npt.NDArray[np.int64]
    code: npt.NDArray[Any]
    code_weight: npt.NDArray[np.int64]
    first_seen: npt.NDArray[np.int64]
    last_seen: npt.NDArray[np.int64]

    def __len__(self) -> int:
        """Cells."""
        return len(self.key)


def fields_of_sums(
    key: npt.NDArray[np.int64], sums: npt.NDArray[np.int64], code: npt.NDArray[np.int32]
) -> Fields:
    """View rows of sums, (n, 16), as named fields."""
    return Fields(
        key,
        sums[:, WEIGHT],
        sums[:, S],
        sums[:, Q],
        sums[:, COLOR],
        code,
        sums[:, CODE_WEIGHT],
        sums[:, FIRST_SEEN],
        sums[:, LAST_SEEN],
    )


def sums_of_fields(fields: Fields, rows: slice, out: npt.NDArray[np.int64]) -> None:
    """Write the named fields of `rows` into rows of sums."""
    out[:, WEIGHT] = fields.weight[rows]
    out[:, S] = fields.s[rows]
    out[:, Q] = fields.Q[rows]
    out[:, COLOR] = fields.color[rows]
    out[:, CODE_WEIGHT] = fields.code_weight[rows]
    out[:, FIRST_SEEN] = fields.first_seen[rows]
    out[:, LAST_SEEN] = fields.last_seen[rows]
