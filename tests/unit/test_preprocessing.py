"""Sizes and ranges of the network's input."""

import cv2
import numpy as np
import pytest

from student.preprocessing import (
    DEPTH_STATISTICS,
    DepthStatistics,
    Preprocessing,
    depth_statistics,
    normalise,
)

RNG = np.random.default_rng(0)
NYU = DEPTH_STATISTICS["nyuv2"]


def images(size: tuple[int, int], depth_size: tuple[int, int] | None = None) -> tuple[np.ndarray, np.ndarray]:
    rgb = RNG.integers(0, 256, (*size, 3), dtype=np.uint8)
    return rgb, (RNG.random(depth_size or size) * 5).astype(np.float32)


@pytest.mark.parametrize(
    ("shape", "size"),
    [((480, 640), (480, 640)), ((424, 512), (416, 512)), ((360, 540), (352, 544)), ((10, 47), (32, 32))],
)
def test_without_a_size_the_nearest_multiples_of_32_are_taken(
    shape: tuple[int, int], size: tuple[int, int]
) -> None:
    assert Preprocessing(None).input_size(shape) == size
    assert Preprocessing((96, 288)).input_size(shape) == (96, 288)


@pytest.mark.parametrize("size", [(480, 641), (0, 640), (-32, 32), (31, 32)])
def test_other_sizes_are_refused_with_the_nearest_one(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"size must be multiples of 32 pixels, got .*; take \d+x\d+"):
        Preprocessing(size)


def test_each_image_is_resized_from_its_own_size_by_its_own_rule() -> None:
    rgb, depth = images((97, 130), (61, 83))
    small_rgb, small_depth = Preprocessing((64, 96)).resize(rgb, depth)
    np.testing.assert_array_equal(small_rgb, cv2.resize(rgb, (96, 64), interpolation=cv2.INTER_LINEAR))
    for i, j in ((0, 0), (17, 40), (63, 95)):
        assert small_depth[i, j] == depth[i * 61 // 64, j * 83 // 96]
    assert set(np.unique(small_depth)) <= set(np.unique(depth))  # depths are never mixed


def test_images_of_the_right_size_are_not_copied() -> None:
    rgb, depth = images((64, 96))
    same_rgb, same_depth = Preprocessing((64, 96)).resize(rgb, depth)
    assert same_rgb is rgb
    assert same_depth is depth


@pytest.mark.parametrize("size", [(64, 96), (32, 64)])
def test_what_is_no_depth_becomes_zero_and_the_image_given_stays(size: tuple[int, int]) -> None:
    rgb, depth = images((64, 96))
    depth[:16], depth[16:32], depth[32:48] = np.nan, -1, np.inf
    before = depth.copy()
    _, mended = Preprocessing(size).resize(rgb, depth)
    np.testing.assert_array_equal(depth, before)
    np.testing.assert_array_equal(
        mended == 0, np.arange(size[0])[:, None] < size[0] * 3 // 4 + np.zeros(size)
    )


def test_normalised_is_zero_mean_unit_deviation_and_zero_where_invalid() -> None:
    rgb, depth = images((32, 64))
    depth[0] = 0
    colors, distances = normalise(rgb, depth, DepthStatistics("mine", 2.0, 0.5))
    assert (colors.shape, colors.dtype, distances.shape) == ((3, 32, 64), np.float32, (1, 32, 64))
    expected = (rgb / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(colors, expected.transpose(2, 0, 1), atol=1e-6)
    assert (distances[0, 0] == 0).all()
    np.testing.assert_allclose(distances[0, 1:], (depth[1:] - 2) / 0.5, atol=1e-6)


def test_a_batch_is_its_frames() -> None:
    pairs = [images((32, 64)) for _ in range(3)]
    batch = normalise(np.stack([rgb for rgb, _ in pairs]), np.stack([depth for _, depth in pairs]), NYU)
    assert (batch[0].shape, batch[1].shape) == ((3, 3, 32, 64), (3, 1, 32, 64))
    for k, pair in enumerate(pairs):
        for part, alone in zip(batch, normalise(*pair, NYU), strict=True):
            np.testing.assert_array_equal(part[k], alone)


def test_statistics_are_metres_and_found_by_name() -> None:
    assert depth_statistics("scannet").mean == pytest.approx(1.842, abs=1e-3)
    with pytest.raises(ValueError, match="one of nyuv2, sunrgbd, scannet, hypersim, got 'nyu'"):
        depth_statistics("nyu")
    with pytest.raises(ValueError, match="std > 0 m"):
        DepthStatistics("flat", 1.0, 0.0)


def test_wrong_arrays_are_named() -> None:
    rgb, depth = images((32, 64))
    with pytest.raises(ValueError, match=r"rgb must be .* uint8, got .* float32"):
        normalise(rgb.astype(np.float32), depth, NYU)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"depth must be \(32, 64\) float32 metres, got \(32, 63\)"):
        normalise(rgb, depth[:, 1:], NYU)
    with pytest.raises(ValueError, match="depth must be"):
        Preprocessing().resize(rgb, (depth * 1000).astype(np.uint16))  # type: ignore[arg-type]
