"""Segmentors: encoder, decoders and factorisation by themselves, without official numbers."""

from typing import Any

import pydantic
import pytest
import torch

from student.networks.dformer import DFormer
from student.networks.dformer_config import DFORMERS, DFormerConfig
from student.networks.dformerv2 import DFormerV2
from student.networks.ham import Nmf
from student.networks.segmentor import Segmentor, SegmentorConfig, build_dformer, build_segmentor
from student.networks.stochastic_depth import StochasticDepth

V1 = DFormerConfig(
    name="tiny",
    version=1,
    channels=(8, 16, 16, 32),
    depths=(1, 1, 1, 2),
    heads=(1, 2, 2, 4),
    mlp_ratios=(2, 2, 2, 2),
    drop_path_nyuv2=0,
)
V2 = V1.model_copy(update={"version": 2, "layer_scale": (False, False, True, True)})


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def segmentor(network: DFormerConfig = V1, **more: Any) -> Segmentor:
    return Segmentor(
        SegmentorConfig(network=network, classes=5, **{"ham_channels": 16, "mlp_channels": 16, **more})
    )


def images(count: int = 1, height: int = 64, width: int = 96) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(count, 3, height, width), torch.randn(count, 1, height, width)


@pytest.mark.parametrize("decoder", ["ham", "mlp"])
@pytest.mark.parametrize("network", [V1, V2], ids=["v1", "v2"])
def test_a_training_step_reaches_every_weight(network: DFormerConfig, decoder: str) -> None:
    model = segmentor(network, decoder=decoder).train()
    rgb, depth = images(2)
    loss = torch.nn.functional.cross_entropy(model(rgb, depth), torch.randint(5, (2, 64, 96)))
    loss.backward()
    for name, weight in model.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.isfinite().all(), name
        assert weight.grad.any(), name


@pytest.mark.parametrize("network", [V1, V2], ids=["v1", "v2"])
def test_only_the_first_channel_of_depth_counts(network: DFormerConfig) -> None:
    model = segmentor(network).eval()
    rgb, depth = images()
    with torch.inference_mode():
        one = model(rgb, depth)
        three = model(rgb, torch.cat([depth, torch.full_like(depth, 99), depth], dim=1))
        other = model(rgb, depth.roll(5, 3) * 3)
    assert torch.equal(one, three)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("decoder", ["ham", "mlp"])
@pytest.mark.parametrize("network", [V1, V2], ids=["v1", "v2"])
def test_any_size_goes_in_and_comes_out(network: DFormerConfig, decoder: str) -> None:
    model = segmentor(network, decoder=decoder).eval()
    rgb, depth = images(2, 37, 70)
    with torch.inference_mode():
        logits, maps = model(rgb, depth), model.backbone(rgb, depth)
        alone = model(rgb[1:], depth[1:])
    assert logits.shape == (2, 5, 37, 70)
    assert [tuple(features.shape) for features in maps] == [
        (2, 8, 10, 18),
        (2, 16, 5, 9),
        (2, 16, 3, 5),
        (2, 32, 2, 3),
    ]
    torch.testing.assert_close(logits[1:], alone, rtol=0, atol=1e-5)  # images do not see each other


def test_a_factorisation_repeats_but_in_training() -> None:
    x = torch.rand(2, 12, 5, 7)
    nmf = Nmf(12, 4).eval()
    assert torch.equal(nmf(x), nmf(x))
    assert torch.equal(nmf(x), Nmf(12, 4).eval()(x))
    assert not torch.equal(nmf(x), Nmf(12, 4, seed=1).eval()(x))
    torch.testing.assert_close(nmf(x)[1:], nmf(x[1:]))
    assert nmf.state_dict() == {}
    nmf.train()
    assert not torch.equal(nmf(x), nmf(x))


def test_bases_may_be_given() -> None:
    x, bases = torch.rand(2, 12, 5, 7), torch.rand(2, 12, 4)
    nmf = Nmf(12, 4).eval()
    fixed, given = nmf(x), nmf(x, bases)
    assert not torch.equal(fixed, given)
    nmf.bases = bases
    assert torch.equal(nmf(x), given)
    nmf.train()
    assert torch.equal(nmf(x, bases), nmf(x, bases))


def test_a_factorisation_finds_a_map_of_low_rank() -> None:
    """Fails for updates that do not decrease the distance of Lee and Seung."""
    bases, coefficients = torch.rand(1, 12, 2), torch.rand(1, 2, 35)
    x = (bases @ coefficients).view(1, 12, 5, 7)
    found = Nmf(12, 4).eval()(x)
    assert (found >= 0).all()
    assert (found - x).square().mean() < 0.1 * (x - x.mean()).square().mean()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_factorisation_of_half_floats_is_made_in_floats(dtype: torch.dtype) -> None:
    x = 1e-3 * torch.rand(2, 12, 5, 7)  # the squares of which are half floats no more
    nmf = Nmf(12, 4).eval()
    wanted = nmf(x)
    with torch.autocast("cpu", dtype=dtype):
        torch.testing.assert_close(nmf(x), wanted)
    halved = nmf.to(dtype)(x.to(dtype))
    assert halved.dtype == dtype
    assert float((halved - wanted).norm() / wanted.norm()) < 1e-2


def test_stochastic_depth_drops_whole_images_and_keeps_the_mean() -> None:
    drop = StochasticDepth(0.25)
    x = torch.ones(4000, 2, 3)
    dropped = drop(x)
    assert dropped.unique().tolist() == pytest.approx([0, 4 / 3])
    assert torch.equal(dropped, dropped[:, :1, :1].expand_as(x))
    assert dropped.mean() == pytest.approx(1, abs=0.05)
    assert torch.equal(drop.eval()(x), x)


def test_chances_of_dropping_rise_to_the_last_block() -> None:
    chances = DFORMERS["dformerv2-small"].drop_paths()
    assert [len(stage) for stage in chances] == [3, 4, 18, 4]
    flat = [chance for stage in chances for chance in stage]
    assert flat == pytest.approx([0.25 * block / 28 for block in range(29)])
    network = DFormer(V1, drop_path=0.4)
    found = [m.chance for m in network.modules() if isinstance(m, StochasticDepth)]
    assert found == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])


def test_heads_are_as_wide_as_published() -> None:
    with torch.device("meta"):
        small = build_segmentor("dformerv2-small")
        wide = build_segmentor("dformerv2-small", classes=37, ham_channels=1024)
    assert small.decode_head.conv_seg.weight.shape == (40, 512, 1, 1)
    assert wide.decode_head.conv_seg.weight.shape == (37, 1024, 1, 1)
    assert [config.ham_nyuv2 for config in DFORMERS.values()] == [512] * 6 + [1024]


def test_images_that_do_not_fit_are_refused() -> None:
    model = segmentor().eval()
    rgb, depth = images()
    with pytest.raises(ValueError, match=r"rgb must be \(N, 3, H, W\), got \(1, 1, 64, 96\)"):
        model(depth, depth)
    with pytest.raises(ValueError, match=r"depth must be \(1, 1, 64, 96\) for rgb .* got \(1, 2, 64, 96\)"):
        model(rgb, rgb[:, :2])
    with pytest.raises(ValueError, match=r"got \(1, 1, 64, 95\)"):
        model(rgb, depth[..., :95])


def test_wrong_names_and_shapes_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"unknown DFormer 'dformer-s', did you mean 'dformer-\w+'\? Known: "
    ):
        build_segmentor("dformer-s")
    with pytest.raises(ValueError, match="DFormer needs a config of version 1, got tiny of version 2"):
        DFormer(V2)
    assert isinstance(build_dformer(V2), DFormerV2)
    with pytest.raises(pydantic.ValidationError, match="multiples of twice the heads, got 8 and 3"):
        DFormerConfig.model_validate(V1.model_dump() | {"heads": (3, 2, 2, 4)})
