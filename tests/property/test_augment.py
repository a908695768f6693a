"""Augmentation, whatever the sizes: all images of a view show the same pixels, and chance decides alone."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from student.data.augment import Augmentation, nearest_pixels
from student.data.augment_config import AugmentConfig, StrongAugmentConfig
from student.data.sample import Sample

sides = st.integers(1, 90)
seeds = st.integers(0, 2**32 - 1)
configs = st.builds(
    AugmentConfig,
    size=st.tuples(st.sampled_from([32, 64]), st.sampled_from([32, 64])),
    scale_min=st.floats(0.3, 1.0),
    scale_max=st.floats(1.0, 2.0),
    strong=st.sampled_from([None, StrongAugmentConfig(erasing=1.0, depth_holes=1.0, drop_depth=0.3)]),
)


def sample_of(height: int, width: int) -> tuple[Sample, np.ndarray[Any, Any]]:
    """Every image tells the pixel it comes from: colour its row and column, the others its number."""
    y, x = np.indices((height, width))
    number = y * width + x
    rgb = np.stack([y, x, np.full_like(y, 7)], axis=-1).astype(np.uint8)
    labels = number.astype(np.uint16)
    sample = Sample("made up", rgb, (number + 1).astype(np.float32), labels, labels.copy())
    return sample, number.astype(np.int32)


@settings(max_examples=150, deadline=None)
@given(sides, sides, configs, seeds)
def test_all_images_of_a_view_show_the_same_pixels(
    height: int, width: int, config: AugmentConfig, seed: int
) -> None:
    sample, index = sample_of(height, width)
    plain = config.model_copy(update={"hue": 0, "saturation": 0, "value": 0, "strong": None})
    view = Augmentation(plain)(sample, np.random.default_rng(seed), index)
    for image in (view.rgb[..., 0], view.depth, view.semantic, view.instance, view.index):
        assert image.shape == config.size
    assert (view.semantic == view.index).all()
    assert (view.instance == view.index).all()
    assert (view.depth == view.index + 1).all()
    # The pixels of a view follow each other as in the sample, or the other way round.
    rows, columns = np.divmod(view.index, width)
    assert (rows == rows[:, :1]).all()
    assert (columns == columns[:1]).all()
    assert (np.diff(rows[:, 0]) >= 0).all()
    steps = np.diff(columns[0])
    assert (steps >= 0).all() or (steps <= 0).all()


@settings(max_examples=60, deadline=None)
@given(sides, sides, configs, seeds)
def test_a_view_is_a_pure_function(height: int, width: int, config: AugmentConfig, seed: int) -> None:
    sample, index = sample_of(height, width)
    before = [image.copy() for image in (sample.rgb, sample.depth, sample.semantic, sample.instance, index)]
    views = [Augmentation(config)(sample, np.random.default_rng(seed), index) for _ in range(2)]
    names = ("rgb", "depth", "semantic", "instance", "index")
    for name in names:
        one, other = (getattr(view, name) for view in views)
        assert one.dtype == other.dtype
        assert np.array_equal(one, other)
    images = (sample.rgb, sample.depth, sample.semantic, sample.instance, index)
    assert all((image == copy).all() for image, copy in zip(images, before, strict=True))


@settings(max_examples=100, deadline=None)
@given(sides, sides, configs, seeds)
def test_what_is_spoiled_stays_an_image(height: int, width: int, config: AugmentConfig, seed: int) -> None:
    sample, index = sample_of(height, width)
    view = Augmentation(config)(sample, np.random.default_rng(seed), index)
    assert (view.rgb.shape, view.rgb.dtype) == ((*config.size, 3), np.uint8)
    assert (view.depth.shape, view.depth.dtype) == (config.size, np.float32)
    assert np.isfinite(view.depth).all()
    assert (view.depth >= 0).all()


@given(st.integers(1, 3000), st.integers(1, 3000))
def test_nearest_pixels_are_those_of_opencv(length: int, scaled: int) -> None:
    import cv2

    column = np.arange(length, dtype=np.int32)[:, None].repeat(2, axis=1)
    expected = cv2.resize(column, (2, scaled), interpolation=cv2.INTER_NEAREST)[:, 0]
    assert (nearest_pixels(length, scaled) == expected).all()
