"""From the image to labels and mIoU, against the official decoders on deterministic weights."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import student
from dvemap.metrics import confusion_matrix, metrics_of
from student.decoding import decode, logits_of, resize_logits, scores_of
from student.visual_means import visual_mean_weights

SIZE = (200, 300)  # of the labels; the network sees 160 x 224
CLASSES = 40
TIES = 0.0011  # share of pixels whose best two logits may lie closer than 1e-5, and so trade places


@pytest.fixture(scope="module", params=["fullres", "reducedres"])
def embedded(request: pytest.FixtureRequest, deterministic: SimpleNamespace) -> tuple[str, np.ndarray]:
    """Return a model's name and the embedding (h, w, 768) of its input, not normalised."""
    network = deterministic.fill(student.build(f"dveformer-{request.param}")).eval()
    rgb, depth = (
        torch.from_numpy(deterministic.uniform(name, (1, channels, 160, 224), -2, 2))
        for name, channels in (("rgb", 3), ("depth", 1))
    )
    with torch.inference_mode():
        embedding = network(rgb, depth)[0].permute(1, 2, 0).contiguous().numpy()
    return request.param, embedding


@pytest.fixture(scope="module")
def weights_of(deterministic: SimpleNamespace) -> Callable[[str], np.ndarray]:
    """Make the weights (40, 768) of a decoder."""

    def make(decoder: str) -> np.ndarray:
        if decoder == "linear":
            probe = deterministic.tensor("linear_probing_head.weight", (CLASSES, 768, 1, 1))
            return np.asarray(probe[:, :, 0, 0])
        if decoder == "mean":
            names = ("mean-embeddings", "mean-image-embeddings")
            sums = (deterministic.uniform(name, (CLASSES + 1, 768), -1, 1)[1:] for name in names)
            return visual_mean_weights(*sums)
        rows = deterministic.uniform("text-embeddings", (CLASSES + 1, 768), -1, 1)[1:]
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))

    return make


@pytest.fixture(scope="module")
def oracle(golden: Path) -> dict[str, np.ndarray]:
    with np.load(golden / "decoders_oracle.npz") as file:
        return dict(file)


@pytest.mark.parametrize("decoder", ["text", "mean", "linear"])
def test_labels_scores_and_miou_are_the_official_ones(
    embedded: tuple[str, np.ndarray],
    weights_of: Callable[[str], np.ndarray],
    oracle: dict[str, np.ndarray],
    deterministic: SimpleNamespace,
    decoder: str,
) -> None:
    """Fails for labels that are resized instead of logits, aligned corners, and scores of other logits."""
    model, embedding = embedded
    expected: dict[str, Any] = {
        key.removeprefix(f"{model}/{decoder}/"): value
        for key, value in oracle.items()
        if key.startswith(f"{model}/{decoder}/")
    }
    unit = embedding / np.linalg.norm(embedding, axis=2, keepdims=True)
    logits = logits_of(unit, weights_of(decoder))
    np.testing.assert_allclose(logits[:, 1::7, 2::11], expected["logits"], atol=1e-6)
    fine = resize_logits(logits, SIZE)
    np.testing.assert_allclose(fine[:, 1::13, 2::17], expected["logits_fullres"], atol=1e-6)

    decoded = decode(logits, SIZE)
    np.testing.assert_array_equal(decoded.best, fine.max(axis=0))
    assert (decode(logits).index != expected["idx"]).mean() <= TIES
    assert (decoded.index != expected["idx_fullres"]).mean() <= TIES
    score = scores_of(logits, decoded)[1::13, 2::17]
    np.testing.assert_allclose(score, expected["score_fullres"], rtol=1e-5)

    truth = np.floor(deterministic.uniform("target", SIZE, 0, CLASSES + 1)).astype(np.int64)
    kept = deterministic.uniform("target-keep", SIZE) < 0.5
    truth[kept] = expected["idx_fullres"][kept] + 1
    ids = np.arange(1, CLASSES + 1)
    metrics = metrics_of(confusion_matrix(truth, decoded.index.astype(np.int64) + 1, ids))
    assert metrics.miou == pytest.approx(float(expected["miou"]), abs=1e-4)
    np.testing.assert_allclose(np.nan_to_num(metrics.iou), expected["ious"], atol=2e-3)


def test_visual_means_have_the_official_weights(
    weights_of: Callable[[str], np.ndarray], oracle: dict[str, np.ndarray]
) -> None:
    for model in ("fullres", "reducedres"):
        expected = oracle[f"{model}/visual_mean_weights"]
        np.testing.assert_allclose(weights_of("mean")[:, ::13], expected, atol=1e-7)
