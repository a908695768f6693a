"""Targets and loss against those of the official training, on deterministic samples."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from student.targets import TargetTable, build_targets
from student.training.loss import cosine_loss

SIZE, D = (12, 16), 768
IDS = np.array([0, 65537, 131072, 65538, 196609])
KNOWN = (65537, 131072, 65538, 65536 * 999)


def unit(vector: np.ndarray) -> np.ndarray:
    return np.asarray(vector / np.linalg.norm(vector))


@pytest.fixture(scope="module")
def oracle(golden: Path) -> Mapping[str, Any]:
    with np.load(golden / "decoders_oracle.npz") as file:
        return {key: file[key] for key in file.files if key.startswith("train/")}


@pytest.fixture(scope="module")
def tables(deterministic: SimpleNamespace) -> list[TargetTable]:
    """Make the targets of samples 0 and 1."""
    made = []
    for i in (0, 1):
        panoptic = IDS[deterministic.uniform(f"panoptic-{i}", SIZE, 0, 5).astype(np.int64)]
        panoptic[panoptic == 196609] = 0  # the teacher does not know it: no target
        embeddings = {k: unit(deterministic.uniform(f"seg-embedding-{i}-{k}", (D,), -1, 1)) for k in KNOWN}
        image = unit(deterministic.uniform(f"image-embedding-{i}", (D,), -1, 1))
        made.append(build_targets(panoptic, embeddings, image))
    return made


def loss_of(tables: list[TargetTable], predictions: list[np.ndarray]) -> float:
    """Return the loss of a batch."""
    offsets = np.cumsum([0, *(len(table.lut) for table in tables[:-1])])
    index = [
        np.where(table.index > 0, table.index + offset, 0)
        for table, offset in zip(tables, offsets, strict=True)
    ]
    total, count = cosine_loss(
        torch.from_numpy(np.concatenate(predictions)),
        torch.from_numpy(np.concatenate([table.lut for table in tables])),
        torch.from_numpy(np.stack(index)),
    )
    return float(total / count)


@pytest.fixture(scope="module")
def predictions(deterministic: SimpleNamespace) -> list[np.ndarray]:
    return [deterministic.uniform(f"prediction-{i}", (1, D, *SIZE), -1, 1) for i in range(3)]


def test_targets_are_the_official_ones(oracle: Mapping[str, Any], tables: list[TargetTable]) -> None:
    for i, table in enumerate(tables):
        np.testing.assert_array_equal(table.index, oracle[f"train/indices_{i}"])
        np.testing.assert_allclose(table.lut[:, ::7], oracle[f"train/lut_{i}"], atol=1e-6)


def test_loss_is_the_official_one(
    oracle: Mapping[str, Any], tables: list[TargetTable], predictions: list[np.ndarray]
) -> None:
    """Fails for a mean over images, over all pixels, or with void counted."""
    empty = TargetTable(np.zeros((0, D), np.float32), np.zeros(SIZE, np.int32))
    assert loss_of(tables[:1], predictions[:1]) == pytest.approx(float(oracle["train/loss_a"]), abs=1e-6)
    assert loss_of(tables, predictions[:2]) == pytest.approx(float(oracle["train/loss_b"]), abs=1e-6)
    assert loss_of([*tables, empty], predictions) == pytest.approx(float(oracle["train/loss_c"]), abs=1e-6)
