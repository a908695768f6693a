"""Augmentation: the published order and ranges, and what each of the stronger effects does."""

from typing import Any

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from student.data.augment import Augmentation, shift_hsv
from student.data.augment_config import AugmentConfig, StrongAugmentConfig
from student.data.sample import Sample
from student.data.strong_color import spoil_color
from student.data.strong_depth import EDGE, STEP, spoil_depth
from student.data.strong_gaps import NO_COLOR, leave_gaps

Array = np.ndarray[Any, Any]
NONE: dict[str, Any] = dict.fromkeys(
    (
        "color",
        "blur",
        "noise",
        "jpeg",
        "depth_noise",
        "depth_steps",
        "depth_scale",
        "depth_holes",
        "erasing",
        "drop_color",
        "drop_depth",
    ),
    0.0,
)


def only(**effects: Any) -> StrongAugmentConfig:
    return StrongAugmentConfig(**{**NONE, **effects})


def make_sample(size: tuple[int, int], depth_size: tuple[int, int] | None = None) -> tuple[Sample, Array]:
    """Images whose every pixel is another one, and an index that counts the pixels."""
    rng = np.random.default_rng(sum(size))
    h, w = depth_size or size
    depth = rng.uniform(0.5, 6, (h, w)).astype(np.float32)
    rgb = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    semantic, instance = (rng.integers(0, 1000, size).astype(np.uint16) for _ in range(2))
    index = np.arange(size[0] * size[1], dtype=np.int32).reshape(size)
    return Sample("made up", rgb, depth, semantic, instance), index


def published(sample: Sample, index: Array, rng: np.random.Generator, size: tuple[int, int]) -> list[Array]:
    """The published steps on whole images, one after the other, with OpenCV alone."""
    images = [sample.rgb, sample.depth, sample.semantic, sample.instance, index]
    ways = [cv2.INTER_LINEAR] + [cv2.INTER_NEAREST] * 4
    h, w = sample.rgb.shape[:2]
    factor = rng.uniform(1.0, 1.4)
    h, w = round(factor * h), round(factor * w)
    images = [cv2.resize(image, (w, h), interpolation=way) for image, way in zip(images, ways, strict=True)]
    enlarge = 1.0
    if h <= size[0]:
        enlarge = max(size[0] / h, enlarge)
    if w <= size[1]:
        enlarge = max(size[1] / w, enlarge)
    if enlarge > 1:
        h, w = int(h * enlarge + 0.5), int(w * enlarge + 0.5)
        images = [cv2.resize(i, (w, h), interpolation=way) for i, way in zip(images, ways, strict=True)]
    top = int(rng.integers(0, h - size[0])) if h > size[0] else int(rng.integers(0, 1))
    left = int(rng.integers(0, w - size[1])) if w > size[1] else int(rng.integers(0, 1))
    images = [image[top : top + size[0], left : left + size[1]] for image in images]
    hue, saturation, value = (int(rng.integers(-n, n)) for n in (10, 20, 50))
    hsv = cv2.cvtColor(images[0], cv2.COLOR_RGB2HSV).astype(int)
    hsv[..., 0] = (hsv[..., 0] + hue) % 180
    hsv[..., 1:] = np.clip(hsv[..., 1:] + [saturation, value], 0, 255)
    images[0] = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB)
    return [image[:, ::-1] for image in images] if rng.random() < 0.5 else images


@pytest.mark.parametrize(
    ("size", "depth_size"),
    [
        ((120, 160), None),  # larger than the crop
        ((96, 128), None),  # as large
        ((64, 128), None),  # too low: enlarged
        ((50, 61), None),  # too small
        ((242, 324), (120, 160)),  # colour and depth of different sizes, as ScanNet's
        ((141, 137), (71, 91)),
    ],
)
def test_views_are_those_of_the_published_steps(
    size: tuple[int, int], depth_size: tuple[int, int] | None
) -> None:
    sample, index = make_sample(size, depth_size)
    augment = Augmentation(AugmentConfig(size=(96, 128)))
    for seed in range(12):
        view = augment(sample, np.random.default_rng(seed), index)
        expected = published(sample, index, np.random.default_rng(seed), (96, 128))
        for got, wanted in zip(
            (view.rgb, view.depth, view.semantic, view.instance, view.index), expected, strict=True
        ):
            assert got.dtype == wanted.dtype
            assert np.array_equal(got, wanted)


def test_the_ranges_are_those_published() -> None:
    config, rng = AugmentConfig(), np.random.default_rng(0)
    assert (config.size, config.scale_min, config.scale_max, config.flip) == ((480, 640), 1.0, 1.4, 0.5)
    for limit, low, high in ((config.hue, -10, 9), (config.saturation, -20, 19), (config.value, -50, 49)):
        drawn = rng.integers(-limit, limit, 20_000)
        assert (drawn.min(), drawn.max()) == (low, high)
    assert config.strong is None


def test_a_crop_never_starts_at_the_last_possible_pixel() -> None:
    sample, index = make_sample((34, 35))
    augment = Augmentation(AugmentConfig(size=(32, 32), scale_max=1.0, flip=0))
    firsts = {int(augment(sample, np.random.default_rng(s), index).index[0, 0]) for s in range(80)}
    assert {divmod(first, 35) for first in firsts} == {(y, x) for y in (0, 1) for x in (0, 1, 2)}


def test_hsv_shift_of_nothing_changes_what_the_colour_space_rounds_and_no_more() -> None:
    grey = np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, axis=2)
    assert (shift_hsv(grey, 5, 0, 0) == grey).all()
    assert (shift_hsv(grey, 0, 0, 49)[0, :, 0] == np.minimum(np.arange(256) + 49, 255)).all()
    red = np.array([[[200, 0, 0]]], np.uint8)
    assert shift_hsv(red, -60, 0, 0).tolist() == [[[0, 0, 200]]]  # 120 degrees back round the circle
    assert shift_hsv(red, 60, 0, 0).tolist() == [[[0, 200, 0]]]


def textured(h: int = 96, w: int = 128) -> Array:
    tile = np.random.default_rng(1).integers(40, 216, (h // 8, w // 8, 3), dtype=np.uint8)
    return tile.repeat(8, axis=0).repeat(8, axis=1)


def flat(metres: float, h: int = 96, w: int = 128) -> Array:
    return np.full((h, w), metres, np.float32)


@pytest.mark.parametrize("effect", ["color", "blur", "noise", "jpeg"])
def test_colour_effects_change_colour_but_keep_the_picture(effect: str) -> None:
    rgb, changed = textured(), []
    for seed in range(8):
        before = rgb.copy()
        spoiled = spoil_color(rgb, np.random.default_rng(seed), only(**{effect: 1.0}))
        assert (rgb == before).all()
        assert (spoiled.shape, spoiled.dtype) == (rgb.shape, np.uint8)
        changed.append((spoiled != rgb).mean())
        assert np.corrcoef(spoiled.mean(-1).ravel(), rgb.mean(-1).ravel())[0, 1] > 0.7
    assert np.median(changed) > 0.2


def test_noise_has_the_level_it_says() -> None:
    rgb, level = np.full((96, 128, 3), 128, np.uint8), 10.0
    deviations = [
        spoil_color(rgb, np.random.default_rng(s), only(noise=1.0, noise_level=level)).astype(float).std()
        for s in range(60)
    ]
    assert max(deviations) < level * 1.1
    assert np.mean(deviations) == pytest.approx(level / 2, rel=0.25)


def test_blur_removes_detail() -> None:
    grains = np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    for seed in range(20):
        blurred = spoil_color(grains, np.random.default_rng(seed), only(blur=1.0, blur_radius=2.5))
        assert blurred[8:-8, 8:-8].std() < 0.85 * grains.std()
        assert blurred.mean() == pytest.approx(grains.mean(), abs=2)


def test_depth_noise_grows_with_distance_and_leaves_holes_alone() -> None:
    depth = np.concatenate([flat(1), flat(6), flat(0)])
    errors = []
    for seed in range(20):
        spoiled = spoil_depth(depth, np.random.default_rng(seed), only(depth_noise=1.0))
        assert spoiled.dtype == np.float32
        assert (spoiled[192:] == 0).all()
        errors.append([np.std(spoiled[:96]), np.std(spoiled[96:192])])
    near, far = np.mean(errors, axis=0)
    assert 0.0005 < near < 0.004
    assert 10 < far / near < 60


def test_depth_steps_are_those_of_disparity() -> None:
    depth = np.linspace(0.5, 8, 96 * 128, dtype=np.float32).reshape(96, 128)
    spoiled = spoil_depth(depth, np.random.default_rng(0), only(depth_steps=1.0, depth_step_size=1.0))
    steps = 1 / spoiled.astype(float) / STEP
    assert np.abs(steps - np.rint(steps)).max() < 1e-3
    assert np.abs(1 / spoiled - 1 / depth).max() <= STEP * 0.5001
    coarse = spoil_depth(flat(1000), np.random.default_rng(0), only(depth_steps=1.0))
    assert (coarse == 0).all()  # farther than one step


def test_depth_scale_is_one_factor() -> None:
    depth = make_sample((96, 128))[0].depth
    ratio = spoil_depth(depth, np.random.default_rng(3), only(depth_scale=1.0, depth_scale_error=0.1)) / depth
    assert ratio.std() < 1e-6
    assert 0 < abs(ratio.mean() - 1) <= 0.1


def test_holes_lie_along_edges_and_in_blots_of_the_wanted_share() -> None:
    depth = flat(2)
    depth[:, 64:] = 2 * (1 + 2 * EDGE)
    bare = spoil_depth(depth, np.random.default_rng(0), only(depth_holes=1.0, depth_hole_share=0.0))
    lost = (bare == 0).mean(axis=0)
    assert lost[60:68].max() > 0.5
    assert lost[:56].max() == lost[72:].max() == 0
    shares = [
        (
            spoil_depth(flat(2), np.random.default_rng(s), only(depth_holes=1.0, depth_hole_share=0.4)) == 0
        ).mean()
        for s in range(40)
    ]
    assert max(shares) < 0.45
    assert np.mean(shares) == pytest.approx(0.2, abs=0.05)


def test_erasing_takes_colour_depth_or_both_and_whole_drops_never_both() -> None:
    rgb, depth = textured(), flat(2)
    kinds = set()
    for seed in range(40):
        erased = leave_gaps(rgb, depth, np.random.default_rng(seed), only(erasing=1.0, erased_boxes=1))
        kinds.add(((erased[0] != rgb).any(), (erased[1] != depth).any()))
        assert ((erased[0] != rgb).any(-1) | (erased[1] != depth)).mean() < 0.09
    assert kinds == {(True, False), (False, True), (True, True)}
    dropped = set()
    for seed in range(40):
        half = only(drop_color=0.5, drop_depth=0.5)
        color, metres = leave_gaps(rgb, depth, np.random.default_rng(seed), half)
        dropped.add(((color == NO_COLOR).all(), bool((metres == 0).all())))
    assert dropped == {(True, False), (False, True)}
    assert (rgb == textured()).all()
    assert (depth == flat(2)).all()


def test_chances_are_kept() -> None:
    config = AugmentConfig(size=(32, 32), strong=only(drop_depth=0.25))
    sample, index = make_sample((40, 40))
    dropped = [
        (Augmentation(config)(sample, np.random.default_rng(s), index).depth == 0).all() for s in range(400)
    ]
    assert np.mean(dropped) == pytest.approx(0.25, abs=0.06)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": (480, 650)}, "multiple of 32"),
        ({"scale_min": 1.5}, "scale_min must be <= scale_max, got 1.5 and 1.4"),
        ({"strong": {"drop_color": 0.6, "drop_depth": 0.6}}, "drop_color . drop_depth must be <= 1, got 0.6"),
        ({"strong": {"blur": 1.1}}, "less than or equal to 1"),
        ({"strong": {"blurr": 0.1}}, "Extra inputs"),
        ({"jitter": 1}, "Extra inputs"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        AugmentConfig.model_validate(settings)


@pytest.mark.parametrize("model", [AugmentConfig, StrongAugmentConfig])
def test_every_setting_is_described(model: type[AugmentConfig | StrongAugmentConfig]) -> None:
    assert all(field.description for field in model.model_fields.values())
