"""Segmentation networks in use: what they see, how views are averaged, and their posteriors as codes."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional

from student.code_scale import LARGEST_SUM
from student.errors import CheckpointError
from student.networks.segmentor import Segmentor, build_segmentor
from student.segmentation.encoder import SegmentationEncoder, posterior_scale
from student.segmentation.preprocessing import InputRule, input_rule, relative_depth
from student.segmentation.segmenter import Segmenter
from student.segmentation.source import SegmentorSource, is_segmentor_source, load_segmentor_source

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


class Axes:
    """A text encoder that gives each phrase an axis of its own, a little turned to a common one."""

    id, weights, dimension = "axes", "1", 41

    def encode(self, texts: list[str]) -> np.ndarray:
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        vectors[np.arange(len(texts)), np.arange(len(texts))] = 0.8
        vectors[:, -1] = 0.6
        return vectors


@pytest.fixture(params=["dformer-small", "dformerv2-small"])
def network(request: pytest.FixtureRequest, shallow: None, deterministic: SimpleNamespace) -> Segmentor:
    made = deterministic.fill(build_segmentor(request.param))
    assert isinstance(made, Segmentor)
    return made


@pytest.fixture
def frame() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    rgb = random.integers(0, 256, (50, 70, 3), dtype=np.uint8)
    return rgb, (1 + 4 * random.random((50, 70))).astype(np.float32)


def segmenter(network: Segmentor, **options: object) -> Segmenter:
    return Segmenter(network, "nyuv2", device="cpu", threads=2, **options)  # type: ignore[arg-type]


def source(network: Segmentor, dataset: str = "nyuv2") -> SegmentorSource:
    return SegmentorSource("tiny", network, dataset, Path("tiny.pth"), 64 * "a")  # type: ignore[arg-type]


def in_blocks(coarse: np.ndarray) -> np.ndarray:
    """Return a grid of stride 8 at the middles of blocks of 4 pixels."""
    planes = torch.from_numpy(coarse).permute(2, 0, 1)[None]
    fine = functional.interpolate(planes, scale_factor=8, mode="bilinear", align_corners=False)
    return fine[0, :, 2::4, 2::4].permute(1, 2, 0).numpy()


def resized(x: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    return functional.interpolate(x, size, mode="bilinear", align_corners=True)


def test_depth_gets_the_greys_that_matplotlib_draws() -> None:
    """The bytes that its imsave(..., cmap="Greys_r") writes; a linear ramp would say 31, 63, 95, 127."""
    depth = np.array([[1, 2, 3], [4, 5, 9]], np.float32)
    np.testing.assert_array_equal(relative_depth(depth), [[0, 37, 82], [115, 150, 255]])
    ramp = relative_depth(np.linspace(1, 2, 256, dtype=np.float32)[None])[0]
    assert ramp[[1, 7, 32, 64, 96, 128, 160, 192, 224, 255]].tolist() == [
        1, 8, 37, 82, 115, 150, 189, 217, 240, 255
    ]  # fmt: skip


def test_pixels_without_depth_take_the_grey_of_the_nearest() -> None:
    depth = np.array([[1, 0, 0, 0, 9], [1, np.nan, 5, -1, 9], [1, 1, 5, 9, np.inf]], np.float32)
    expected = [[0, 0, 150, 255, 255], [0, 0, 150, 150, 255], [0, 0, 150, 255, 255]]
    found = relative_depth(depth)
    valid = np.isfinite(depth) & (depth > 0)
    np.testing.assert_array_equal(found[valid], np.array(expected)[valid])
    assert (found[0, 1], found[0, 3], found[2, 4]) == (0, 255, 255)
    for same in (np.full((2, 3), 7), np.zeros((2, 3))):
        np.testing.assert_array_equal(relative_depth(same.astype(np.float32)), np.zeros((2, 3)))


def test_colours_come_as_the_published_networks_take_them() -> None:
    rgb = np.arange(18, dtype=np.uint8).reshape(2, 3, 3) * 14
    grey = np.array([[0, 51, 102], [153, 204, 255]], np.uint8)
    image, depth = InputRule().prepare(rgb, grey)
    np.testing.assert_allclose(image[0].transpose(1, 2, 0), (rgb[..., ::-1] / 255 - MEAN) / STD, rtol=1e-6)
    np.testing.assert_allclose(depth[0, 0], (grey / 255 - 0.48) / 0.28, rtol=1e-6)
    assert (image.dtype, depth.dtype) == (np.float32, np.float32)
    metres = np.array([[1, 2, 3], [4, 5, 9]], np.float32)
    from_metres = InputRule().prepare(rgb, metres)[1]
    np.testing.assert_array_equal(from_metres, InputRule().prepare(rgb, relative_depth(metres))[1])
    coarse = InputRule().prepare(np.repeat(np.repeat(rgb, 2, axis=0), 2, axis=1), grey)[1]
    np.testing.assert_array_equal(coarse[0, 0], depth[0, 0].repeat(2, axis=0).repeat(2, axis=1))


def test_dformerv2_of_sunrgbd_takes_rgb_on_a_canvas_that_is_black_before_normalising() -> None:
    rules = {
        (version, data): input_rule(version, data) for version in (1, 2) for data in ("nyuv2", "sunrgbd")
    }  # type: ignore[arg-type]
    assert rules.pop((2, "sunrgbd")) == InputRule(bgr=False, canvas=(531, 730))
    assert set(rules.values()) == {InputRule(bgr=True, canvas=None)}
    rgb = np.full((2, 800, 3), (10, 20, 30), np.uint8)
    image, depth = InputRule(bgr=False, canvas=(4, 730)).prepare(rgb, np.full((2, 800), 255, np.uint8))
    assert image.shape == (1, 3, 4, 800)  # what is larger stays
    np.testing.assert_allclose(image[0, :, 1, 1], (np.array([10, 20, 30]) / 255 - MEAN) / STD, rtol=1e-6)
    np.testing.assert_allclose(image[0, :, 3, 1], -MEAN / STD, rtol=1e-6)
    np.testing.assert_allclose(depth[0, 0, 1:3, 0], [0.52 / 0.28, -0.48 / 0.28], rtol=1e-6)
    narrow = InputRule(canvas=(2, 5)).prepare(rgb[:, :3], np.full((2, 3), 255, np.uint8))[1]
    np.testing.assert_array_equal(narrow[0, 0, 1] > 0, [True, True, True, False, False])


def test_views_are_averaged_as_in_the_published_evaluation(
    network: Segmentor, frame: tuple[np.ndarray, np.ndarray]
) -> None:
    """A transcription of it, for an image of 50 x 70: sizes 32 x 64, 64 x 96 and 96 x 128."""
    rgb, depth = frame
    images = [torch.from_numpy(array) for array in InputRule().prepare(rgb, depth)]
    network.eval()
    total = torch.zeros(1, 40, 50, 70)
    with torch.inference_mode():
        for size in ((32, 64), (64, 96), (96, 128)):
            image, grey = (resized(x, size) for x in images)
            total += resized(network(image, grey), (50, 70)).softmax(dim=1)
            mirrored = network(image.flip(3), grey.flip(3)).flip(3)
            total += resized(mirrored, (50, 70)).softmax(dim=1)
    expected = (total / 6)[0].permute(1, 2, 0).numpy()
    looking = segmenter(network, scales=(0.5, 1.0, 1.5), flip=True)
    found = looking.posteriors(rgb, depth)
    assert (found.shape, found.dtype) == ((50, 70, 40), np.float32)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=2), 1, atol=1e-5)
    np.testing.assert_array_equal(looking.posteriors(rgb, depth), found)  # the bases are seeded
    assert np.abs(segmenter(network).posteriors(rgb, depth) - expected).max() > 1e-3


def test_flip_makes_left_and_right_alike(network: Segmentor, frame: tuple[np.ndarray, np.ndarray]) -> None:
    rgb, depth = frame
    other = np.ascontiguousarray(rgb[:, ::-1]), np.ascontiguousarray(depth[:, ::-1])
    for flip in (True, False):
        looking = segmenter(network, flip=flip)
        apart = np.abs(looking.posteriors(*other)[:, ::-1] - looking.posteriors(rgb, depth)).max()
        assert (apart < 1e-5) == flip


def test_a_window_slides_by_two_thirds_and_its_logits_are_averaged(
    network: Segmentor, frame: tuple[np.ndarray, np.ndarray]
) -> None:
    """The image becomes 64 x 96; windows of 32 x 64 begin at rows 0, 21 and 32, columns 0 and 32."""
    images = [resized(torch.from_numpy(x), (64, 96)) for x in InputRule().prepare(*frame)]
    network.eval()
    logits, count = torch.zeros(1, 40, 64, 96), torch.zeros(64, 96)
    with torch.inference_mode():
        for rows in (slice(0, 32), slice(21, 53), slice(32, 64)):
            for columns in (slice(0, 64), slice(32, 96)):
                logits[..., rows, columns] += network(*(x[..., rows, columns] for x in images))
                count[rows, columns] += 1
    expected = resized(logits / count, (50, 70)).softmax(dim=1)[0].permute(1, 2, 0).numpy()
    found = segmenter(network, window=(32, 64)).posteriors(*frame)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    whole = segmenter(network).posteriors(*frame)
    np.testing.assert_array_equal(segmenter(network, window=(480, 640)).posteriors(*frame), whole)


def test_codes_are_posteriors_whose_embeddings_are_unit_vectors(
    network: Segmentor, frame: tuple[np.ndarray, np.ndarray]
) -> None:
    rgb, _ = frame
    depth = np.linspace(1, 3, 64 * 96, dtype=np.float32).reshape(64, 96)
    made = SegmentationEncoder(source(network), Axes(), device="cpu", threads=2)  # type: ignore[arg-type]
    codes = made.encode(rgb, depth)
    assert (codes.shape, codes.dtype) == ((16, 24, 40), np.float16)
    assert made.space.name == "tiny-aaaaaaaa-posteriors-axes"
    assert (made.space.text_encoder, made.space.dimension, made.code_dim) == ("axes", 41, 40)
    assert made.space.head is not None
    embeddings = codes.astype(np.float32) @ made.space.head.T
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=2), 1, atol=2e-3)
    shares = codes / codes.sum(axis=2, keepdims=True, dtype=np.float32)
    np.testing.assert_allclose(shares, in_blocks(segmenter(network).coarse(rgb, depth)), atol=1e-3)


def test_codes_of_a_canvas_are_those_of_the_image_on_it(
    network: Segmentor, frame: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a canvas of twice the size the image is the first quarter of the network's grid."""
    rule = InputRule(canvas=(128, 192))
    monkeypatch.setattr("student.segmentation.segmenter.input_rule", lambda version, dataset: rule)
    rgb, depth = (np.resize(image, (64, 96, *image.shape[2:])) for image in frame)
    codes = SegmentationEncoder(source(network), Axes(), device="cpu").encode(rgb, depth)  # type: ignore[arg-type]
    looking = segmenter(network)
    assert looking.rule is rule
    expected = in_blocks(looking.coarse(rgb, depth))
    assert expected.shape == (32, 48, 40)
    shares = codes / codes.sum(axis=2, keepdims=True, dtype=np.float32)
    np.testing.assert_allclose(shares, expected[:16, :24], atol=1e-3)
    assert looking.posteriors(rgb, depth).shape == (64, 96, 40)


def test_the_fingerprint_holds_what_codes_depend_on(network: Segmentor) -> None:
    def made(**options: object) -> SegmentationEncoder:
        return SegmentationEncoder(source(network), Axes(), device="cpu", **options)  # type: ignore[arg-type]

    assert made().fingerprint == made(threads=1).fingerprint
    assert made().fingerprint != made(size=(64, 96)).fingerprint
    with pytest.raises(ValueError, match="multiples of 32"):
        made(size=(50, 96))


def test_no_code_can_leave_the_fixed_point_range() -> None:
    """Names that cancel each other make long codes: here at most 1 / sin 30 degrees, for p = (1, 0.87)."""
    assert posterior_scale(np.eye(3, dtype=np.float32)) == 65536
    angle = np.radians(150)
    head = np.array([[1, np.cos(angle)], [0, np.sin(angle)]], np.float32)
    posteriors = np.random.default_rng(0).dirichlet([1, 1], 100_000)
    longest = (posteriors.max(axis=1) / np.linalg.norm(posteriors @ head.T, axis=1)).max()
    assert longest == pytest.approx(2, rel=1e-3)
    assert LARGEST_SUM / 4 < posterior_scale(head) <= LARGEST_SUM / 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scales": ()}, "scales must be one or more numbers > 0"),
        ({"scales": (1.0, 0.0)}, "scales must be one or more numbers > 0"),
        ({"window": (31, 640)}, "window must be at least 32 pixels wide, got 31x640"),
        ({"threads": -1}, "threads must be >= 0"),
        ({"device": "nowhere"}, "device 'nowhere' cannot be used"),
    ],
)
def test_impossible_options_are_refused(shallow: None, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Segmenter(build_segmentor("dformer-small"), "nyuv2", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong", [np.zeros((4, 4, 1), np.uint8), np.zeros((4, 4)), np.zeros((0, 4), np.uint8)]
)
def test_images_of_another_kind_are_refused(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="depth must be"):
        InputRule().prepare(np.zeros((4, 4, 3), np.uint8), wrong)
    with pytest.raises(ValueError, match="rgb must be"):
        InputRule().prepare(wrong, np.zeros((4, 4), np.uint8))


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_a_file_tells_the_data_set_by_its_classes(shallow: None, tmp_path: Path, ending: str) -> None:
    from safetensors.torch import save_file

    def saved(classes: int) -> Path:
        path = tmp_path / f"{classes}.{ending}"
        state = build_segmentor("dformer-small", classes=classes).state_dict()
        torch.save({"model": state}, path) if ending == "pth" else save_file(state, path)
        return path

    for classes, name in ((40, "dformer-small-nyuv2"), (37, "dformer-small-sunrgbd")):
        path = saved(classes)
        assert is_segmentor_source(path)
        loaded = load_segmentor_source(path)
        assert (loaded.name, len(loaded.class_names)) == (name, classes)
    with pytest.raises(
        CheckpointError, match=f"20.{ending} has 20 classes, whose names are unknown; expected 40"
    ):
        load_segmentor_source(saved(20))


def test_what_is_no_segmentation_network_is_named(tmp_path: Path) -> None:
    (tmp_path / "noise.pth").write_bytes(b"noise")
    assert not is_segmentor_source(tmp_path / "noise.pth")
    assert not is_segmentor_source("dveformer-fullres")
    assert is_segmentor_source("dformerv2-large-sunrgbd")
    for name, message in (
        ("dformerv2-smal", "did you mean 'dformerv2-small'"),
        ("dveformer-fullres", "dveformer-fullres is a student, no segmentation network"),
        ("dformer-tiny-imagenet", "is a DFormer encoder, no segmentation network"),
        ("dformer-tiny", "fetch them with: dvemap weights pull dformer-tiny"),
        ("gone.pth", "gone.pth: no such file or directory"),
    ):
        with pytest.raises(CheckpointError, match=message):
            load_segmentor_source(name)
