"""What Alpha-CLIP is shown, against torch and torchvision, and the teacher around it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.transforms import v2

from student.data.sample import Sample
from student.targets import panoptic_segments
from student.teacher.alpha_clip import AlphaClip, AlphaClipShape
from student.teacher.image_teacher import ImageTeacher
from student.teacher.preprocessing import CLIP_MEAN, CLIP_STD, prepare_image, prepare_masks, whole_image

SHAPE = AlphaClipShape(32, 8, 64, 1, 16, 64, 1, 77, 49408)


@pytest.fixture(scope="module")
def network() -> AlphaClip:
    torch.manual_seed(0)
    return AlphaClip(SHAPE).eval().requires_grad_(False)


@pytest.fixture
def sample() -> Sample:
    rng = np.random.default_rng(0)
    semantic = np.zeros((48, 70), np.uint16)
    semantic[:20], semantic[20:, 30:] = 1, 2
    instance = np.zeros_like(semantic)
    instance[20:, 30:50], instance[20:, 50:], instance[21, 31] = 3, 4, 9
    rgb = rng.integers(0, 256, (48, 70, 3), dtype=np.uint8)
    return Sample("s", rgb, np.ones((48, 70), np.float32), semantic, instance)


@pytest.mark.parametrize("side", [32, 224, 336])
@pytest.mark.parametrize("size", [(480, 640), (531, 730), (20, 31)])
def test_images_are_squashed_as_by_torchvision(size: tuple[int, int], side: int) -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    resize = v2.Resize((side, side), v2.InterpolationMode.BICUBIC, antialias=True)
    scale = v2.Normalize([255 * value for value in CLIP_MEAN], [255 * value for value in CLIP_STD])
    expected = scale(resize(torch.from_numpy(rgb).permute(2, 0, 1)[None].float()))
    torch.testing.assert_close(prepare_image(rgb, side), expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("side", [32, 224, 336])
@pytest.mark.parametrize("size", [(480, 640), (531, 730), (968, 1296), (427, 561), (20, 31)])
def test_masks_are_squashed_as_by_torch(size: tuple[int, int], side: int) -> None:
    ids = np.random.default_rng(2).integers(0, 4, size)
    expected = [
        (
            torch.nn.functional.interpolate(
                torch.from_numpy(ids == segment)[None, None].float(), (side, side)
            )
            - 0.5
        )
        / 0.26
        for segment in (3, 1)
    ]
    assert torch.equal(prepare_masks(ids, [3, 1], side), torch.cat(expected))


def test_the_whole_image_is_a_mask_of_ones() -> None:
    ids = np.full((20, 30), 7)
    assert torch.equal(whole_image(16), prepare_masks(ids, [7], 16))
    assert whole_image(16).unique().tolist() == pytest.approx([1.9230769])


@pytest.mark.parametrize("batch", [1, 2, 16])
def test_each_segment_is_one_pass_with_its_mask(network: AlphaClip, sample: Sample, batch: int) -> None:
    ids, segments = panoptic_segments(sample.semantic, sample.instance, (False, True))
    made = ImageTeacher(network, "t", batch=batch).embed("s", sample, ids, segments)
    assert list(made.segments) == segments
    patches = network.rgb_patches(prepare_image(sample.rgb, 32))
    for segment, vector in made.segments.items():
        mask = torch.from_numpy(ids == segment)[None, None].float()
        alpha = (torch.nn.functional.interpolate(mask, (32, 32)) - 0.5) / 0.26
        np.testing.assert_allclose(vector, network(patches, alpha)[0].numpy(), atol=1e-5)
    np.testing.assert_allclose(made.image, network(patches, whole_image(32))[0].numpy(), atol=1e-5)
    assert made.image.dtype == np.float32


def test_an_image_without_segments(network: AlphaClip, sample: Sample) -> None:
    made = ImageTeacher(network, "t").embed("s", sample, np.zeros((48, 70), np.int64), [])
    assert made.segments == {}
    assert made.image.shape == (16,)


def test_half_precision_is_near(network: AlphaClip, sample: Sample) -> None:
    ids, segments = panoptic_segments(sample.semantic, sample.instance, (False, True))
    exact, half = (
        ImageTeacher(network, "t", precision=precision).embed("s", sample, ids, segments).image
        for precision in ("fp32", "bf16")
    )
    cosine = exact @ half / np.linalg.norm(exact) / np.linalg.norm(half)
    assert 0.999 < cosine < 1 - 1e-9
    assert half.dtype == np.float32


def test_texts(network: AlphaClip) -> None:
    import open_clip

    teacher = ImageTeacher(network, "t")
    texts = ["a detailed photo of a chair", "sofa", "word " * 100]
    expected = network.clip.encode_text(open_clip.tokenize(texts)).numpy()
    np.testing.assert_allclose(teacher.embed_texts(texts), expected, atol=1e-5)


def test_names_follow_from_the_file(
    network: AlphaClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("student.teacher.image_teacher.load_alpha_clip", lambda alpha, base: network)
    alpha, base = tmp_path / "alpha.pth", tmp_path / "base.pt"
    alpha.write_bytes(b"a")
    base.write_bytes(b"b")
    teacher = ImageTeacher.load(alpha, base)
    assert teacher.estimator == "alpha_clip__ca978112"
    assert teacher.identity["base"].startswith("3e23e816")
    assert ImageTeacher.load(alpha).identity["base"] == "tag openai"
    monkeypatch.setattr("student.teacher.image_teacher.released_name", lambda _: "l14-336-grit-20m")
    assert ImageTeacher.load(alpha).estimator == "alpha_clip__l14-336-grit-20m"


def test_what_a_device_cannot_do_is_said(
    network: AlphaClip, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    def overflown(*_: object) -> np.ndarray:
        return np.full((3, 16), np.inf, np.float32)

    teacher = ImageTeacher(network, "t", precision="bf16", batch=8)
    monkeypatch.setattr(teacher, "_embed", full)
    with pytest.raises(ValueError, match="too little memory for 8 segments at once; take a smaller batch"):
        teacher.embed("s", sample, np.zeros((48, 70), np.int64), [])
    monkeypatch.setattr(teacher, "_embed", overflown)
    with pytest.raises(ValueError, match="s: embeddings in bf16 are not finite; take fp32"):
        teacher.embed("s", sample, np.zeros((48, 70), np.int64), [1, 2])
    with pytest.raises(
        ValueError, match=r"device 'nonsense' cannot be used on this computer \(.*\); take cpu"
    ):
        ImageTeacher(network, "t", device="nonsense")


def test_options_are_checked(network: AlphaClip) -> None:
    with pytest.raises(ValueError, match="precision must be one of fp32, bf16, fp16, got 'half'"):
        ImageTeacher(network, "t", precision="half")
    with pytest.raises(ValueError, match="batch must be >= 1, got 0"):
        ImageTeacher(network, "t", batch=0)
