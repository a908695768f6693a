"""From codes to labels, and visual means."""

import numpy as np
import pytest
import torch

from student.decoding import decode, logits_of, prompts, resize_logits, scores_of
from student.visual_means import VisualMeans, visual_mean_weights

RNG = np.random.default_rng(0)


def random(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


def test_codes_with_a_head_are_read_as_their_embeddings() -> None:
    codes, head, weight, bias = random(6, 5, 9), random(16, 9), random(4, 16), random(4)
    embeddings = codes @ head.T
    expected = np.einsum("hwd,kd->khw", embeddings, weight) + bias[:, None, None]
    np.testing.assert_allclose(logits_of(codes, weight, bias, head), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(logits_of(embeddings, weight, bias), expected, rtol=1e-4, atol=1e-4)


def test_half_codes_are_read_in_float32_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    codes, weight = random(7, 5, 8).astype(np.float16), random(3, 8)
    whole = logits_of(codes, weight)
    monkeypatch.setattr("student.decoding._CHUNK", 4)
    np.testing.assert_allclose(logits_of(codes, weight), whole, atol=1e-6)
    np.testing.assert_allclose(whole, np.einsum("hwd,kd->khw", codes.astype(np.float32), weight), atol=1e-5)


@pytest.mark.parametrize("size", [(6, 8), (12, 16), (23, 31), (3, 4), (5, 3), (96, 128), (1, 1)])
def test_logits_are_resized_as_torch_does(size: tuple[int, int]) -> None:
    """Fails for aligned corners, for smoothing where it gets smaller, and for other borders."""
    logits = random(3, 6, 8)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(logits)[None], size=size, mode="bilinear", align_corners=False
    )[0].numpy()
    np.testing.assert_allclose(resize_logits(logits, size), expected, atol=1e-5)


def test_logits_are_resized_not_labels() -> None:
    """A class that is second best on both sides of an edge wins between them."""
    logits = np.array([[[1.0, 0.0]], [[0.0, 1.0]], [[0.7, 0.7]]], np.float32)
    np.testing.assert_array_equal(decode(logits).index, [[0, 1]])
    np.testing.assert_array_equal(decode(logits, (1, 8)).index, [[0, 0, 0, 2, 2, 1, 1, 1]])


def test_ties_go_to_the_first_class_and_scores_are_softmax_shares() -> None:
    logits = np.zeros((4, 2, 3), np.float32)
    logits[2, 0] = np.log(3)
    decoded = decode(logits)
    np.testing.assert_array_equal(decoded.index, [[2, 2, 2], [0, 0, 0]])
    np.testing.assert_allclose(scores_of(logits, decoded), [[0.5] * 3, [0.25] * 3], rtol=1e-6)


def test_weights_must_fit_the_embeddings() -> None:
    with pytest.raises(ValueError, match=r"weight must be \(K, 16\) for embeddings of 16 numbers"):
        logits_of(random(2, 2, 9), random(4, 9), head=random(16, 9))


def test_prompts_hold_the_name_once() -> None:
    assert prompts(["chair", "{x}"]) == ["a detailed photo of a chair", "a detailed photo of a {x}"]
    for template in ("a photo", "{} {}"):
        with pytest.raises(ValueError, match=r"must hold \{\} once"):
            prompts(["chair"], template)


def test_visual_means_are_sums_without_their_surroundings() -> None:
    means = VisualMeans(3, 4)
    segments, image = random(3, 4), random(4)
    means.add([0, 2, 0], 5 * segments, 3 * image)  # lengths do not count
    other = VisualMeans(3, 4)
    more, scene = random(1, 4), random(4)
    other.add([2], more, scene)
    means.merge(other)
    np.testing.assert_array_equal(means.count, [2, 0, 2])
    texts = unit(random(3, 4))
    weights = means.weights(texts)
    sofa = unit(segments[0]) + unit(segments[2]) - 0.65 * 2 * unit(image)
    lamp = unit(segments[1]) + unit(more[0]) - 0.65 * (unit(image) + unit(scene))
    np.testing.assert_allclose(weights[[0, 2]], unit(np.stack([sofa, lamp])), atol=1e-6)
    np.testing.assert_allclose(weights[1], texts[1], atol=1e-6)  # never seen: its text instead
    np.testing.assert_allclose(visual_mean_weights(means.segments[[0]], means.images[[0]]), weights[:1])


def test_visual_means_refuse_what_has_no_direction() -> None:
    with pytest.raises(ValueError, match="class 1 has no visual mean"):
        visual_mean_weights(np.array([[1.0, 0], [0, 0]]), np.zeros((2, 2)))
    with pytest.raises(ValueError, match="not zero"):
        VisualMeans(2, 2).add([0], np.zeros((1, 2)), np.ones(2))
    with pytest.raises(ValueError, match=r"classes must be in 0\.\.1, got 2 to 2"):
        VisualMeans(2, 2).add([2], np.ones((1, 2)), np.ones(2))
