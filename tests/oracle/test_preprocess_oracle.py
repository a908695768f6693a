"""Preprocessing against the official one (OpenCV 4.12), from noise of four sizes."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from student.preprocessing import DEPTH_STATISTICS, Preprocessing, normalise


@pytest.mark.parametrize("size", [(968, 1296), (427, 561), (480, 640), (240, 320)])
def test_noise_becomes_the_official_input(
    size: tuple[int, int], golden: Path, deterministic: SimpleNamespace
) -> None:
    """Fails for another resize rule, for statistics of another set, and for a depth of 0 that is not kept."""
    tag = f"noise_{size[0]}x{size[1]}"
    name = f"{size[0]}x{size[1]}"
    rgb = np.floor(deterministic.uniform(f"prep-rgb-{name}", (*size, 3), 0, 256)).astype(np.uint8)
    millimetres = np.floor(deterministic.uniform(f"prep-depth-{name}", size, -1000, 9000))
    depth = (millimetres / np.float32(1000)).astype(np.float32)  # negative ones are left in: they are invalid
    made = normalise(*Preprocessing((480, 640)).resize(rgb, depth), DEPTH_STATISTICS["nyuv2"])
    with np.load(golden / "preprocess_oracle.npz") as oracle:
        for part, image, steps in (("rgb", made[0], (13, 17)), ("depth", made[1], (5, 7))):
            assert image.dtype == np.float32
            assert image.shape == tuple(oracle[f"{tag}/{part}_shape"])
            values = image.astype(np.float64)
            stats = [values.mean(), values.std(), values.min(), values.max()]
            np.testing.assert_allclose(stats, oracle[f"{tag}/{part}_stats"], atol=1e-6)
            ours = image[:, 1 :: steps[0], 2 :: steps[1]]
            difference = np.abs(ours - oracle[f"{tag}/{part}_grid"])
            # Colour agrees to the bit, resize included; depth in metres differs from millimetres by rounding.
            assert difference.max() <= (0 if part == "rgb" else 1e-6)
        assert (made[1] == 0).mean() == oracle[f"{tag}/depth_zero_fraction"]
        np.testing.assert_allclose(made[0].mean(axis=(1, 2)), oracle[f"{tag}/rgb_channel_mean"], atol=1e-5)
        statistics = DEPTH_STATISTICS["nyuv2"]
        assert statistics.mean * 1000 == pytest.approx(float(oracle["depth_mean"]), rel=1e-12)
        assert statistics.std * 1000 == pytest.approx(float(oracle["depth_std"]), rel=1e-12)
