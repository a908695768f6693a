"""Linear probes: what pixels weigh, which are drawn, the fit against torch, the training as published."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from student.data.augment import Augmentation
from student.data.augment_config import AugmentConfig
from student.data.batches import TrainingSet
from student.data.mixture import Mixture
from student.data.sample import Sample
from student.networks.config import StudentConfig
from student.networks.dveformer import build
from student.preprocessing import DepthStatistics
from student.probe import load_probe
from student.probing.class_counts import ClassCounts
from student.probing.class_targets import ClassTargets
from student.probing.closed_fit import fit_probe
from student.probing.code_samples import CodeSamples
from student.probing.probe_file import save_probe
from student.probing.probe_trainer import ProbeTrainer, probe_loss
from student.training.config import OptimizerConfig, ScheduleConfig
from student.training.errors import TrainingError


def test_weights_are_median_frequencies() -> None:
    counts = ClassCounts(4)
    counts.add(np.array([[1, 1, 1, 0], [2, 2, 0, 0]], np.uint16))
    counts.add(np.array([[1, 1, 1, 1]], np.uint16))
    counts.add(np.array([[3, 0], [0, 0]], np.uint16))
    # 7 of 12 pixels, 2 of 8, 1 of 4 (void is part of the area); the fourth is never seen.
    np.testing.assert_allclose(counts.weights(), [0.25 / (7 / 12), 1, 1, 0], rtol=1e-6)


def test_rare_classes_are_drawn_and_pixels_stand_for_those_left_out() -> None:
    labels = np.ones((40, 60), np.uint16)
    labels[:4, :4] = 2
    labels[4:8, :8] = 0
    codes = np.arange(20 * 30 * 2, dtype=np.float16).reshape(20, 30, 2)
    drawn = CodeSamples(3, images=1, pixels=60)
    drawn.add(0, codes, labels)
    found, classes, stands_for = drawn.arrays()
    small = labels[1::2, 1::2]  # codes belong to the middles of blocks of 2 x 2
    assert np.bincount(classes, minlength=3).tolist() == [30, 4, 0]
    for k in (0, 1):
        assert stands_for[classes == k].sum() == pytest.approx((small == k + 1).sum())
    places = found[:, 0].astype(int) // 2
    np.testing.assert_array_equal(small.ravel()[places], classes + 1)
    assert len(np.unique(places)) == len(places)
    other, again = CodeSamples(3, 1, 60), CodeSamples(3, 1, 60)
    other.add(1, codes, labels)
    again.merge(other)
    again.add(0, codes, labels)
    np.testing.assert_array_equal(again.arrays()[0][len(other) :], found)
    np.testing.assert_array_equal(again.counts.pixels, 2 * drawn.counts.pixels)
    with pytest.raises(ValueError, match="the images have none"):
        CodeSamples(3, 1, 60).arrays()


def problem(seed: int = 0, dimension: int = 6, code_dim: int = 4) -> dict[str, Any]:
    draw = np.random.default_rng(seed)
    head = draw.normal(size=(dimension, code_dim)).astype(np.float32)
    labels = draw.integers(0, 3, 200)
    codes = draw.normal(size=(200, code_dim)) * 0.4 + draw.normal(size=(3, code_dim))[labels]
    codes /= np.linalg.norm(codes @ head.T, axis=1, keepdims=True)
    weights = draw.uniform(0.1, 3, 200).astype(np.float32)
    return {"codes": codes.astype(np.float32), "labels": labels, "weights": weights, "head": head}


@pytest.mark.parametrize("code_dim", [4, 9, None])
def test_the_fit_is_the_minimum_that_torch_finds(code_dim: int | None) -> None:
    """Codes of fewer numbers than embeddings, of more, and embeddings themselves."""
    given = problem(code_dim=code_dim or 6)
    if code_dim is None:
        given["codes"] = (given["codes"] @ given.pop("head").T).astype(np.float32)
    found = fit_probe(**given, classes=4, ridge=1e-2, iterations=500)
    head = given.get("head")
    z = torch.from_numpy(given["codes"] if head is None else given["codes"] @ head.T).double()
    y, s = torch.from_numpy(given["labels"]), torch.from_numpy(given["weights"]).double()

    def loss(weight: torch.Tensor) -> torch.Tensor:
        each = torch.nn.functional.cross_entropy(z @ weight.T, y, reduction="none")
        return (s * each).sum() / s.sum() + 1e-2 / 2 * weight.square().sum()

    weight = torch.zeros(4, 6, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weight], max_iter=1000, tolerance_grad=1e-10, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        value = loss(weight)
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    best = float(loss(weight.detach()))
    assert float(loss(torch.from_numpy(found).double())) == pytest.approx(best, rel=1e-3)
    guesses = [(z.numpy() @ rows.T).argmax(axis=1) for rows in (found, weight.detach().numpy())]
    assert (guesses[0] == guesses[1]).mean() > 0.99
    assert 3 not in guesses[0]  # a class without a pixel is never answered


def test_a_probe_needs_two_classes() -> None:
    given = problem()
    given["weights"] = np.where(given["labels"] == 1, given["weights"], 0)
    with pytest.raises(ValueError, match="two classes or more"):
        fit_probe(**given, classes=3)


def test_the_loss_is_the_published_one() -> None:
    torch.manual_seed(0)
    embedding, weight = torch.randn(2, 5, 3, 4), torch.randn(4, 5)
    target, class_weights = torch.randint(0, 5, (2, 3, 4)), torch.rand(4)
    unit = torch.nn.functional.normalize(embedding, dim=1, eps=1e-12)
    logits = torch.nn.functional.conv2d(unit, weight[:, :, None, None])
    summed = torch.nn.CrossEntropyLoss(class_weights, ignore_index=-1, reduction="sum")(logits, target - 1)
    expected = summed / (target > 0).sum()
    torch.testing.assert_close(probe_loss(embedding, weight, target.int(), class_weights), expected)
    assert float(probe_loss(embedding, weight, torch.zeros_like(target), class_weights)) == 0


class Blobs:
    """Six images of two colours that are two classes."""

    name, class_names, things = "blobs", ("red", "blue"), (False, False)
    depth_statistics = DepthStatistics("blobs", 2.0, 1.0)

    def __len__(self) -> int:
        return 6

    def sample_name(self, i: int) -> str:
        return str(i)

    def sample(self, i: int) -> Sample:
        draw = np.random.default_rng(i)
        semantic = np.repeat(draw.integers(0, 3, (8, 1)), 8, axis=0) * np.ones((1, 64), int)
        rgb = np.uint8([[90, 90, 90], [200, 40, 40], [40, 40, 200]])[semantic]
        depth = (1 + semantic).astype(np.float32)
        return Sample(f"blobs {i}", rgb, depth, semantic.astype(np.uint16), np.zeros((64, 64), np.uint16))


@pytest.fixture
def trainer(deterministic: SimpleNamespace, tiny_config: StudentConfig) -> Any:
    def make(epochs: int = 3, batch: int = 2) -> ProbeTrainer:
        network = deterministic.fill(build(tiny_config.model_copy(update={"dropout": 0.1})))
        items = TrainingSet(
            Mixture([Blobs()], [1.0], 0),
            Augmentation(AugmentConfig(size=(32, 64))),
            ClassTargets(np.array([0, 1, 2], np.uint16)),
            reduction=4,
        )
        initial = np.zeros((2, 20), np.float32)
        return ProbeTrainer(
            network,
            items,
            initial,
            np.ones(2, np.float32),
            epochs=epochs,
            batch=batch,
            optimizer=OptimizerConfig(lr=1.0),
            schedule=ScheduleConfig(),
        )

    return make


def test_training_learns_and_leaves_the_network_alone(trainer: Any) -> None:
    made = trainer(epochs=6)
    before = {key: value.clone() for key, value in made._network.state_dict().items()}
    losses = []
    while made.epoch < 6:
        assert made.train(lambda step: False)
        losses.append(made.loss)
    assert losses[0] == pytest.approx(np.log(2), abs=0.1)
    assert losses[-1] < 0.8 * losses[0]
    after = made._network.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_a_run_in_pieces_is_the_same_run(trainer: Any) -> None:
    whole = trainer()
    while whole.epoch < 3:
        whole.train(lambda step: False)
    first = trainer()
    first.train(lambda step: False)
    assert not first.train(lambda step: step.number == 3)
    state = first.state()
    rest = trainer()
    torch.manual_seed(99)
    rest.load(state)
    assert (rest.epoch, rest.step) == (1, 1)
    while rest.epoch < 3:
        rest.train(lambda step: False)
    np.testing.assert_array_equal(rest.weight, whole.weight)
    assert rest.loss == whole.loss


def test_batches_that_cannot_be_are_named(trainer: Any) -> None:
    with pytest.raises(TrainingError, match="6 images, less than a batch of 8"):
        trainer(batch=8)
    with pytest.raises(TrainingError, match="2 images or more at once"):
        trainer(batch=1)


def test_the_file_is_laid_out_as_published_and_knows_its_names(tmp_path: Path) -> None:
    weight = np.arange(6, dtype=np.float32).reshape(2, 3)
    path = tmp_path / "probe.pth"
    save_probe(path, weight, ["a", "b"], epoch=50, logs={"miou": 0.5}, provenance={"data": "x"})
    content = torch.load(path, weights_only=True)
    assert {"linear_probing_head_state_dict", "epoch", "logs"} <= set(content)
    assert list(content["linear_probing_head_state_dict"]) == ["weight"]
    assert content["linear_probing_head_state_dict"]["weight"].shape == (2, 3, 1, 1)
    loaded = load_probe(path)
    np.testing.assert_array_equal(loaded.weight, weight)
    assert loaded.names == ["a", "b"]
    with pytest.raises(ValueError, match="as many names, got 1"):
        save_probe(path, weight, ["a"], epoch=0, logs={}, provenance={})
    with pytest.raises(ValueError, match=r"ending in \.pth"):
        save_probe(tmp_path / "probe.npz", weight, ["a", "b"], epoch=0, logs={}, provenance={})
