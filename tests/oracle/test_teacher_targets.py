"""Targets against those of the official data set wrapper: ids exact, vectors to 1e-6."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from student.targets import build_targets, panoptic_segments, segment_class
from student.visual_means import VisualMeans

CLASSES = 40
TOLERANCE = 1e-6
SAMPLES = (0, 1, 2)


@pytest.fixture(scope="module")
def oracle(golden: Path) -> Mapping[str, Any]:
    with np.load(golden / "teacher_targets.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def things(oracle: Mapping[str, Any]) -> list[bool]:
    return np.isin(np.arange(1, CLASSES + 1), oracle["thing_ids"]).tolist()


@pytest.mark.parametrize("sample", SAMPLES)
def test_segments(oracle: Mapping[str, Any], things: list[bool], sample: int) -> None:
    semantic, instance = oracle[f"semantic_{sample}"], oracle[f"instance_{sample}"]
    ids, segments = panoptic_segments(semantic, instance, things)
    np.testing.assert_array_equal(ids, oracle[f"panoptic_{sample}"])
    assert segments == oracle[f"segment_ids_{sample}"].tolist()


@pytest.mark.parametrize("sample", SAMPLES)
def test_targets(oracle: Mapping[str, Any], sample: int) -> None:
    ids, raw = oracle[f"segment_ids_{sample}"].tolist(), oracle[f"segment_raw_{sample}"]
    made = build_targets(
        oracle[f"panoptic_{sample}"], dict(zip(ids, raw, strict=True)), oracle[f"image_raw_{sample}"]
    )
    assert (made.index.dtype, made.lut.dtype) == (np.int32, np.float32)
    np.testing.assert_array_equal(made.index, oracle[f"indices_{sample}"])
    np.testing.assert_allclose(made.lut, oracle[f"lut_{sample}"], rtol=0, atol=TOLERANCE)


def test_visual_means(oracle: Mapping[str, Any]) -> None:
    dimension = oracle["text_raw"].shape[1]
    means = VisualMeans(CLASSES, dimension)
    for sample in SAMPLES:
        rows = [segment_class(segment) - 1 for segment in oracle[f"segment_ids_{sample}"].tolist()]
        means.add(rows, oracle[f"segment_raw_{sample}"], oracle[f"image_raw_{sample}"])
    np.testing.assert_array_equal(np.flatnonzero(means.count) + 1, oracle["class_seen"])
    weights = means.weights(oracle["text_normalised"][1:])
    np.testing.assert_allclose(weights, oracle["class_visual_mean"], rtol=0, atol=TOLERANCE)
