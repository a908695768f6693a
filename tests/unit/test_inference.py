"""The inference form of a student returns what the student returns, for every size, head and stride."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import student
from student import StudentConfig
from student.code_scale import code_scale
from student.inference.code_heads import collapsed
from student.inference.codes_network import CodesNetwork
from student.inference.operations import TorchOperations
from student.networks.dveformer import DVEFormer
from student.networks.embedding_head import LearnedUpsampling
from student.preprocessing import DepthStatistics, normalise

STATISTICS = DepthStatistics("toy", 2.5, 1.2)
TINY = StudentConfig(
    rgb_channels=12,
    depth_channels=4,
    depths=(2, 2, 2, 2),
    head_channels=8,
    context_channels=8,
    main_channels=12,
    skip_channels=(8, 4, 4),
    fuse_channels=20,
    embedding_dim=30,
)


class Floats(TorchOperations):
    """Codes without the rounding to half floats, which would hide small faults."""

    def to_half(self, x: torch.Tensor) -> torch.Tensor:
        return x


def frames(size: tuple[int, int], count: int = 2) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    rgb = random.integers(0, 256, (count, *size, 3), dtype=np.uint8)
    depth = random.uniform(0.4, 6, (count, *size)).astype(np.float32)
    return rgb, np.where(random.random(depth.shape) < 0.2, 0, depth).astype(np.float32)


def unit_embeddings(network: DVEFormer, rgb: np.ndarray, depth: np.ndarray) -> torch.Tensor:
    inputs = (torch.from_numpy(image) for image in normalise(rgb, depth, STATISTICS))
    return torch.nn.functional.normalize(network(*inputs), dim=1).permute(0, 2, 3, 1)


def relative(got: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((got - wanted).norm() / wanted.norm())


def make(deterministic: SimpleNamespace, **changes: Any) -> DVEFormer:
    network: DVEFormer = deterministic.fill(student.build(TINY.model_copy(update=changes))).eval()
    return network


# 96 x 288: the deepest stages are padded, and shifted on one axis alone; 160 x 224: odd numbers of tokens.
@pytest.mark.parametrize("size", [(32, 32), (96, 288), (160, 224)])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"bottleneck": 6},
        {"bottleneck": 6, "embedding_dim": 5},
        {"encoder": "residual", "depths": (2, 1, 3, 1)},
        {"encoder": "dformer-small", "decoder": "dpt"},
        {"encoder": "dformerv2-small"},
        {"encoder": "dformerv2-small", "decoder": "dpt", "bottleneck": 6},
    ],
)
@pytest.mark.usefixtures("shallow")
def test_codes_and_head_give_the_embeddings(
    size: tuple[int, int], changes: dict[str, Any], deterministic: SimpleNamespace
) -> None:
    network = make(deterministic, **changes)
    images = frames(size)
    with torch.inference_mode():
        wanted = unit_embeddings(network, *images)
        codes = CodesNetwork(network, size, STATISTICS)
        assert codes.head is not None
        got = codes.run(Floats(torch.float32), *map(torch.from_numpy, images))
    assert got.shape == (2, size[0] // 4, size[1] // 4, codes.code_dim)
    assert codes.code_dim == network.config.feature_channels + 1 == codes.head.shape[1]
    embedding = got @ torch.from_numpy(codes.head).T
    assert relative(embedding, wanted) < 5e-6
    np.testing.assert_allclose(embedding.norm(dim=-1), 1, atol=1e-5)


@pytest.mark.parametrize("upsamplings", [1, 2])
def test_learned_upsamplings_collapse_to_one_filter(upsamplings: int, deterministic: SimpleNamespace) -> None:
    """Borders and biases included: the middle pixel of each feature is exactly that of the full network."""
    network = make(deterministic, upsamplings=upsamplings)
    size, factor = (64, 96), 2**upsamplings
    images = frames(size)
    inputs = [torch.from_numpy(image) for image in images]
    with torch.inference_mode():
        full = unit_embeddings(network, *images)
        fine = CodesNetwork(network, size, STATISTICS, stride=4 // factor).run(Floats(torch.float32), *inputs)
        coarse = CodesNetwork(network, size, STATISTICS).run(Floats(torch.float32), *inputs)
    assert relative(fine, full) < 5e-6
    wanted = full[:, factor // 2 :: factor, factor // 2 :: factor]
    assert relative(coarse, wanted) < 5e-6
    for border in (coarse[:, 0] - wanted[:, 0], coarse[:, :, -1] - wanted[:, :, -1]):
        assert border.abs().max() < 1e-5


def test_the_published_upsamplings_collapse_to_a_tent() -> None:
    """Fresh upsamplings mimic bilinear ones, which see at pixel 4i + 2 a neighbour with an eighth."""
    step = LearnedUpsampling(1)
    weight, bias = collapsed([(step.conv.weight.detach(), step.conv.bias.detach())] * 2)  # type: ignore[union-attr]
    np.testing.assert_allclose(weight[0, 0].sum(dim=0), [0.0625, 0.75, 0.1875])
    assert float(bias) == 0


def test_half_floats_keep_norms_in_float32(deterministic: SimpleNamespace) -> None:
    """|f| reaches thousands, whose squares overflow half floats."""
    network = make(deterministic)
    with torch.no_grad():
        network.decoder.fuse.norm.weight.mul_(1000)
        network.decoder.fuse.norm.bias.mul_(1000)
    size = (64, 64)
    inputs = [torch.from_numpy(image) for image in frames(size)]
    with torch.inference_mode():
        codes = CodesNetwork(network, size, STATISTICS)
        wanted = codes(*inputs).float()
        got = codes.half()(*inputs)
    assert got.dtype == torch.float16
    assert relative(got.float(), wanted) < 1e-2


@pytest.mark.parametrize(
    "changes",
    [
        {"encoder": "residual", "depths": (1, 1, 1, 1), "decoder": "dpt"},
        {"encoder": "dformer-small"},
        {"encoder": "dformerv2-small"},
    ],
)
@pytest.mark.usefixtures("shallow")
def test_half_floats_stay_near_whatever_the_encoder(
    changes: dict[str, Any], deterministic: SimpleNamespace
) -> None:
    size = (64, 96)
    codes = CodesNetwork(make(deterministic, **changes), size, STATISTICS)
    inputs = [torch.from_numpy(image) for image in frames(size)]
    with torch.inference_mode():
        wanted = codes(*inputs).float()
        assert relative(codes.half()(*inputs).float(), wanted) < 5e-3


@pytest.mark.parametrize(
    ("encoder", "table", "count"),
    [("dformer-small", "coarse.pool", 3), ("dformerv2-small", "rotation.cosine", 4)],
)
@pytest.mark.usefixtures("shallow")
def test_blocks_of_a_stage_share_their_tables(
    encoder: str, table: str, count: int, deterministic: SimpleNamespace
) -> None:
    codes = CodesNetwork(make(deterministic, encoder=encoder), (64, 96), STATISTICS).half()
    assert sum(name.endswith(table) for name, _ in codes.named_buffers()) == count
    blocks = codes.encoder.stages[1]
    assert (
        len(
            {
                id(block.get_buffer(name))
                for block in blocks
                for name, _ in block.named_buffers()
                if name.endswith(table)
            }
        )
        == 1
    )


@pytest.mark.parametrize(("gain", "scale"), [(1.0, 65536), (1e-3, 256)])
def test_large_codes_get_a_coarse_scale(gain: float, scale: int, deterministic: SimpleNamespace) -> None:
    """A head of small weights makes large codes; 30,000 of them must fit into a sum."""
    network = make(deterministic)
    with torch.no_grad():
        network.head.conv.weight.mul_(gain)
        network.head.conv.bias.mul_(gain)
    codes = CodesNetwork(network, (64, 64), STATISTICS)
    assert code_scale(network) <= scale
    with torch.inference_mode():
        largest = float(codes(*map(torch.from_numpy, frames((64, 64)))).abs().max())
    assert 8_000 < code_scale(network) * largest < 71_582
    assert np.log2(code_scale(network)) % 1 == 0


def test_wrong_sizes_and_strides_are_refused(deterministic: SimpleNamespace) -> None:
    network = make(deterministic)
    with pytest.raises(ValueError, match="multiples of 32 pixels, got 60 x 64"):
        CodesNetwork(network, (60, 64), STATISTICS)
    with pytest.raises(ValueError, match="stride must be 4 or the student's 4, got 2"):
        CodesNetwork(network, (64, 64), STATISTICS, stride=2)
