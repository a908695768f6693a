"""The raw sums of a map for NumPy."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import numpy as np
import numpy.typing as npt

from dvemap.exporting.cells import Progress, silent
from mapping import WEIGHT_ONE, VoxelMap, atomic_write
from mapping.keys import unpack
from mapping.settings import POSITION_ONE

_BLOCK_BYTES: Final = 1 << 26


def write_fields(
    voxel_map: VoxelMap, path: Path, *, progress: Progress = silent
) -> dict[str, tuple[int, ...]]:
    """Write all that a map holds, as it is, into an npz that `numpy.load` opens without pickle.

    n cells: `ijk` (n, 3) int64 their integer coordinates; `weight`, `s`, `Q`, `color`, `code`, `code_weight`,
    `first_seen`, `last_seen` as in `VoxelMap`. Occupancy, m cells that were ever hit or crossed:
    `occupancy_ijk` (m, 3), `occupancy_hits`, `occupancy_misses`. And `head` (D, C) where there is one,
    `code_row_scale` of a compact map, `about`: JSON with `cell_size`, `position_one`, `weight_one`,
    `code_scale`, `space`, `compact`. So

        position = (ijk + 0.5 + s / weight[:, None] / position_one) * cell_size
        embedding = code @ head.T, scaled to length 1

    Parameters
    ----------
    voxel_map : VoxelMap
    path : Path
    progress : callable, optional
        Told the bytes that are written, and all.

    Returns
    -------
    dict
        Shape of each array.
    """
    arrays, done = _arrays(voxel_map), 0
    total = sum(array.nbytes for array in arrays.values())
    with (
        atomic_write(path) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive,
    ):
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                for block in _npy(array, cast(BinaryIO, member)):
                    done += block
                    progress(done, total)
    return {name: array.shape for name, array in arrays.items()}


def _arrays(voxel_map: VoxelMap) -> dict[str, npt.NDArray[Any]]:
    counts = voxel_map.occupancy
    about = {
        "cell_size": voxel_map.cell_size,
        "position_one": POSITION_ONE,
        "weight_one": WEIGHT_ONE,
        "code_scale": voxel_map.code_scale,
        "space": voxel_map.space,
        "compact": voxel_map.compact,
    }
    arrays = {
        "ijk": unpack(voxel_map.key),
        **{
            name: getattr(voxel_map, name)
            for name in (
                "weight", "s", "Q", "color", "code", "code_weight", "first_seen", "last_seen"
            )
        },
        "occupancy_ijk": unpack(counts.key),
        "occupancy_hits": counts.hits,
        "occupancy_misses": counts.misses,
        "head": voxel_map.head,
        "code_row_scale": voxel_map.code_row_scale,
        "about": np.array(json.dumps(about)),
    }  # fmt: skip
    return {name: array for name, array in arrays.items() if array is not None}


def _npy(array: npt.NDArray[Any], file: BinaryIO) -> Iterator[int]:
    """Write an array in the npy format, block by block; yields the bytes of each."""
    np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
    flat = array.reshape(-1)
    step = max(1, _BLOCK_BYTES // array.itemsize)
    for start in range(0, len(flat), step):
        block = np.ascontiguousarray(flat[start : start + step])
        file.write(block.view(np.uint8).data)
        yield block.nbytes
