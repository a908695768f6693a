"""Surface cells against the skirt of noise around them."""

import numpy as np
import pytest

from mapping import FusionSettings, VoxelMap, holds_surface, mean


def wall(noise: float, frames: int = 30) -> VoxelMap:
    """A wall at z = 1.03 m, 3 cm into the cell from 1.00 to 1.05 m, seen with Gaussian noise."""
    rng = np.random.default_rng(0)
    intrinsics = np.array([[40.0, 0, 20], [0, 40.0, 15], [0, 0, 1]])
    settings = FusionSettings(edge_weight=False, incidence_weight=False)
    cells = VoxelMap(0.05, settings=settings)
    for _ in range(frames):
        depth = (1.03 + noise * rng.standard_normal((30, 40))).astype(np.float32)
        cells.integrate(depth, intrinsics, np.eye(4))
    return cells


def test_skirt_of_a_noisy_wall_is_no_surface() -> None:
    cells = wall(noise=0.012)
    surface = holds_surface(cells)
    off = np.abs(mean(cells)[:, 2] - 1.03)
    assert np.count_nonzero(~surface) > 50  # the noise reaches the next layers
    assert off[surface].max() < 0.01
    assert np.median(off[~surface]) > 0.015


def test_every_cell_of_an_exact_wall_is_surface_but_at_its_rim() -> None:
    cells = wall(noise=0.0, frames=1)
    assert len(np.unique(np.floor(mean(cells)[:, 2] / 0.05))) == 1
    assert holds_surface(cells).mean() > 0.9


def test_share_zero_keeps_all_and_a_wrong_share_is_refused() -> None:
    cells = wall(noise=0.012, frames=3)
    assert holds_surface(cells, 0.0).all()
    with pytest.raises(ValueError, match=r"share must be in \[0, 1\], got 2"):
        holds_surface(cells, 2)


def test_empty_map_has_no_surface() -> None:
    assert holds_surface(VoxelMap(0.05)).shape == (0,)
