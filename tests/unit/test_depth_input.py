"""Images on their way to networks for depth, and depth on its way back."""

import numpy as np
import pytest

from student.depth_input import DEPTH_INPUTS


@pytest.mark.parametrize(
    ("rules", "size", "seen"),
    [
        ("dpt", (480, 640), (384, 512)),
        ("dpt", (375, 1242), (384, 1280)),
        ("dpt-segmentation", (480, 640), (480, 640)),
        ("dpt-toolbox", (416, 544), (416, 544)),
        ("depth-anything", (480, 640), (518, 686)),
        ("depth-anything", (768, 1024), (518, 686)),
        ("depth-anything-hf", (480, 640), (518, 686)),
        # The aspect rules part where an image is smaller than what the network sees.
        ("depth-anything", (360, 500), (518, 714)),
        ("depth-anything-hf", (360, 500), (378, 518)),
    ],
)
def test_sizes_follow_the_rule_of_each_family(
    rules: str, size: tuple[int, int], seen: tuple[int, int]
) -> None:
    assert DEPTH_INPUTS[rules].size(*size) == seen
    assert DEPTH_INPUTS[rules].size(*size[::-1]) == seen[::-1]


@pytest.mark.parametrize("rules", DEPTH_INPUTS)
def test_an_even_image_stays_even(rules: str) -> None:
    rgb = np.full((32, 48, 3), (255, 0, 51), np.uint8)
    prepared = DEPTH_INPUTS[rules].prepare(rgb)
    assert prepared.dtype == np.float32
    assert prepared.shape == (1, 3, *DEPTH_INPUTS[rules].size(32, 48))
    wanted = (np.array([1.0, 0.0, 0.2]) - DEPTH_INPUTS[rules].mean) / DEPTH_INPUTS[rules].std
    np.testing.assert_allclose(
        prepared[0], np.broadcast_to(wanted[:, None, None], prepared[0].shape), atol=1e-6
    )


def test_pillow_smooths_what_shrinks() -> None:
    rgb = np.zeros((1036, 1036, 3), np.uint8)
    rgb[::2] = 255
    found = {name: DEPTH_INPUTS[name].prepare(rgb) for name in ("depth-anything", "depth-anything-hf")}
    assert found["depth-anything-hf"].shape == found["depth-anything"].shape == (1, 3, 518, 518)
    middle = found["depth-anything-hf"][0, :, 4:-4, 4:-4]
    assert float(middle.std(axis=(1, 2)).max()) < 0.05


def test_depth_comes_back_to_the_size_of_the_image() -> None:
    depth = np.array([[[0.0, 1.0], [2.0, 3.0]]], np.float32)
    corners = DEPTH_INPUTS["depth-anything"].restore(depth, 3, 3)
    np.testing.assert_allclose(corners, [[[0, 0.5, 1], [1, 1.5, 2], [2, 2.5, 3]]])
    nearest = DEPTH_INPUTS["depth-anything-hf"].restore(depth, 4, 4)
    np.testing.assert_array_equal(nearest[0], np.kron(depth[0], np.ones((2, 2))))
    edges = DEPTH_INPUTS["dpt-toolbox"].restore(depth, 4, 4)
    np.testing.assert_allclose(edges[0, 0], [0, 0.25, 0.75, 1])
    assert DEPTH_INPUTS["dpt"].restore(depth, 4, 4).min() < 0  # cubic, it overshoots


def test_wrong_images_are_refused() -> None:
    rules = DEPTH_INPUTS["dpt-toolbox"]
    with pytest.raises(ValueError, match=r"rgb must be \(H, W, 3\) uint8, got \(32, 32\) uint8"):
        rules.prepare(np.zeros((32, 32), np.uint8))
    with pytest.raises(ValueError, match=r"uint8, got .* float32"):
        rules.prepare(np.zeros((32, 32, 3), np.float32))
    with pytest.raises(ValueError, match="multiples of 16, got 40 x 32"):
        rules.prepare(np.zeros((40, 32, 3), np.uint8))
    with pytest.raises(ValueError, match="too narrow"):
        DEPTH_INPUTS["depth-anything-hf"].prepare(np.zeros((1, 400, 3), np.uint8))
