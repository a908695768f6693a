"""Integer layers: rounding, ranges, and which layers stay in float32."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

import student
from student import StudentConfig
from student.inference.codes_network import CodesNetwork
from student.preprocessing import DepthStatistics
from student.quantise import IntegerOperations, _range, _weights, quantise

TINY = StudentConfig(
    rgb_channels=12,
    depth_channels=4,
    depths=(1, 1, 1, 1),
    head_channels=8,
    context_channels=8,
    main_channels=12,
    skip_channels=(8, 4, 4),
    fuse_channels=20,
    embedding_dim=30,
)
SIZE = (64, 64)


@pytest.fixture(scope="module")
def network(deterministic: SimpleNamespace) -> CodesNetwork:
    filled = deterministic.fill(student.build(TINY)).eval()
    return CodesNetwork(filled, SIZE, DepthStatistics("toy", 2.5, 1.2))


@pytest.fixture(scope="module")
def frames() -> list[tuple[np.ndarray, np.ndarray]]:
    random = np.random.default_rng(2)
    return [
        (
            random.integers(0, 256, (*SIZE, 3), dtype=np.uint8),
            random.uniform(1, 5, SIZE).astype(np.float32),
        )
        for _ in range(3)
    ]


def test_zero_is_exact_and_rare_outliers_are_clipped() -> None:
    values = torch.linspace(-1, 3, 1_000_001)
    scale, zero = _range(values)
    assert scale * (0 - zero) == pytest.approx(-1, abs=scale)
    assert scale * (255 - zero) == pytest.approx(3, abs=scale)
    clipped, _ = _range(torch.cat([values, torch.tensor([50.0])]))
    assert clipped < 1.1 * scale
    assert _range(torch.zeros(10))[1] == 0
    assert _range(torch.linspace(2, 3, 100))[1] == 0  # zero stays inside, where padding needs it


def test_weights_have_a_step_for_each_output() -> None:
    weight = torch.randn(64, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 100.0, 0.01])
    rounded, scale = _weights(weight)
    error = (rounded * scale - weight).norm(dim=0) / weight.norm(dim=0)
    assert error.max() < 0.01
    assert rounded.abs().max() <= 127


@torch.inference_mode()
def test_all_large_layers_take_integers_and_codes_stay(
    network: CodesNetwork, frames: list[tuple[np.ndarray, np.ndarray]]
) -> None:
    steps: list[tuple[int, int]] = []
    integers = quantise(network, frames[:2], target=0.99, progress=lambda *step: steps.append(step))
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert "encoder.stages.0.0.attention.qkv" in integers
    assert "decoder.context.bins.0.spread" not in integers  # one row a frame: nothing to gain
    rgb, depth = (torch.from_numpy(image)[None] for image in frames[2])
    got = network.run(IntegerOperations(network, integers), rgb, depth).float()
    wanted = network(rgb, depth).float()
    assert not torch.equal(got, wanted)
    assert torch.cosine_similarity(got, wanted, dim=-1).mean() > 0.99


@torch.inference_mode()
def test_the_layer_that_suffers_stays_in_float32(
    deterministic: SimpleNamespace, frames: list[tuple[np.ndarray, np.ndarray]]
) -> None:
    """One input channel a thousand times the others leaves no integers for them."""
    filled = deterministic.fill(student.build(TINY)).eval()
    block = filled.backbone.layer_1[0]
    with torch.no_grad():
        block.mlp[0].weight[0] *= 1000
        block.mlp[0].bias[0] += 3000
        block.mlp[3].weight[:, 0] = 0
    network = CodesNetwork(filled, SIZE, DepthStatistics("toy", 2.5, 1.2))
    everything = quantise(network, frames[:1], target=-1)
    chosen = quantise(network, frames[:1], target=0.998)
    left_out = set(everything) - set(chosen)
    assert "encoder.stages.0.0.contract" in left_out
    assert len(left_out) < len(everything) / 2
    assert quantise(network, frames[:1], target=1.1) == {}
