"""DFormerv2 with geometry shared by the blocks of a stage: the plain form's numbers, and a module's ways."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from student.networks import geometry_prior
from student.networks.depthwise_conv import DepthwiseConv
from student.networks.dformer_config import DFORMERS, DFormerConfig
from student.networks.dformerv2 import DFormerV2

SMALL = DFormerConfig(
    name="small",
    version=2,
    channels=(16, 32, 48, 64),
    depths=(1, 2, 2, 2),
    heads=(2, 2, 3, 4),
    mlp_ratios=(2, 2, 2, 2),
    layer_scale=(False, False, True, True),
)
SIZES = [(64, 96), (37, 75), (20, 9)]


@pytest.fixture(scope="module")
def plain() -> Callable[..., tuple[Tensor, ...]]:
    """Return the specification written down literally."""
    path = Path(__file__).resolve().parents[1] / "bench" / "dformerv2_plain.py"
    spec = importlib.util.spec_from_file_location("dformerv2_plain", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    form: Callable[..., tuple[Tensor, ...]] = module.plain
    return form


@pytest.fixture
def encoder() -> DFormerV2:
    """Return a small encoder whose every part matters, in evaluation mode."""
    torch.manual_seed(0)
    encoder = DFormerV2(SMALL).eval()
    with torch.no_grad():
        for name, value in encoder.named_parameters():
            if name.endswith("Geo.weight"):
                value.copy_(torch.randn(2, 1, 1, 1))
            elif "gamma" in name or "norm" in name:
                value.copy_(1 + 0.1 * torch.randn(value.shape))
            elif value.ndim > 1:
                value.copy_(torch.randn(value.shape) / value[0].numel() ** 0.5)
    return encoder


def images(count: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    rgb, depth = (torch.randn(count, c, height, width, generator=generator) for c in (3, 1))
    return rgb, 3 * depth


def error(found: tuple[Tensor, ...], wanted: tuple[Tensor, ...]) -> float:
    """Return the largest difference, in standard deviations of a map."""
    assert [x.shape for x in found] == [x.shape for x in wanted]
    return max(float((x - y).abs().max() / y.std()) for x, y in zip(found, wanted, strict=True))


@pytest.mark.parametrize("size", SIZES)
def test_shared_geometry_gives_the_numbers_of_the_plain_form(
    size: tuple[int, int],
    encoder: DFormerV2,
    plain: Callable[..., tuple[Tensor, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rgb, depth = images(2, *size)
    with torch.no_grad():
        wanted = plain(encoder, rgb, depth)
        assert error(encoder(rgb, depth), wanted) < 1e-4
        assert error(encoder(rgb, -depth.flip(3)), wanted) > 1e-3
        monkeypatch.setattr(geometry_prior, "CACHED", 300)  # a few lines at a time
        assert error(encoder(rgb, depth), wanted) < 1e-4


def test_attended_tokens_may_lie_in_any_order(encoder: DFormerV2, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where a view is taken of them: compiled attention returns them in orders of its own."""
    rgb, depth = images(1, 32, 64)
    attend = geometry_prior.Distances.attend
    with torch.no_grad():
        wanted = encoder(rgb, depth)
        monkeypatch.setattr(
            geometry_prior.Distances, "attend", lambda *parts: attend(*parts).mT.contiguous().mT
        )
        assert error(encoder(rgb, depth), wanted) < 1e-4


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_an_added_filter_keeps_small_weights_in_half_floats(dtype: torch.dtype) -> None:
    """Fails where the sum of 1 and a weight is rounded."""
    torch.manual_seed(0)
    conv = DepthwiseConv(4, 3)
    with torch.no_grad():
        conv.weight.mul_(1e-3)
        conv.bias.zero_()
        x = torch.randn(1, 6, 6, 4)
        torch.testing.assert_close(conv.added(x), x + conv(x))
        half = conv.to(dtype)
        x = x.to(dtype)
        assert torch.equal(half.added(x), x + half(x))


def test_gradients_are_those_of_the_plain_form(
    encoder: DFormerV2, plain: Callable[..., tuple[Tensor, ...]]
) -> None:
    rgb, depth = images(2, 40, 64)
    gradients = []
    for maps in (encoder(rgb, depth), plain(encoder, rgb, depth)):
        encoder.zero_grad()
        sum((x * x.detach().cos()).sum() for x in maps).backward()
        gradients.append({name: value.grad.clone() for name, value in encoder.named_parameters()})
    found, wanted = gradients
    for name, gradient in wanted.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=1e-3 * float(gradient.abs().max()))
    priors = [gradient for name, gradient in found.items() if name.endswith("Geo.weight")]
    assert len(priors) == sum(SMALL.depths)
    assert all(bool((gradient != 0).all()) for gradient in priors)


def test_each_image_of_a_batch_has_its_own_depth(encoder: DFormerV2) -> None:
    rgb, depth = images(2, 64, 96)
    rgb[1] = rgb[0]
    with torch.inference_mode():
        both = encoder(rgb, depth)
        for image in range(2):
            single = encoder(rgb[image : image + 1], depth[image : image + 1])
            assert error(tuple(x[image : image + 1] for x in both), single) < 1e-4
    assert error(tuple(x[:1] for x in both), tuple(x[1:] for x in both)) > 1e-3


def test_only_the_first_channel_of_depth_counts(encoder: DFormerV2) -> None:
    rgb, depth = images(1, 32, 64)
    three = torch.cat([depth, depth + 1, -depth], dim=1)
    with torch.inference_mode():
        for one, other in zip(encoder(rgb, depth), encoder(rgb, three), strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_branches_are_left_out_in_training_alone() -> None:
    torch.manual_seed(0)
    encoder = DFormerV2(SMALL, drop_path=0.9)
    assert encoder.train() is encoder
    rgb, depth = images(1, 32, 64)
    for norm in encoder.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            norm.eval()  # so that nothing but chance differs
    with torch.no_grad():
        assert error(encoder(rgb, depth), encoder(rgb, depth)) > 1e-3
        assert encoder.eval() is encoder
        assert error(encoder(rgb, depth), encoder(rgb, depth)) == 0


@pytest.mark.parametrize(("dtype", "limit"), [(torch.bfloat16, 0.2), (torch.float16, 0.02)])
def test_half_floats_stay_near(encoder: DFormerV2, dtype: torch.dtype, limit: float) -> None:
    """Fails where the phase of the rotation is a half float."""
    rgb, depth = images(1, 64, 96)
    with torch.inference_mode():
        wanted = encoder(rgb, depth)
        with torch.autocast("cpu", dtype=dtype):
            found = encoder(rgb, depth)
    assert error(found, wanted) < limit


def test_a_config_of_version_one_is_refused() -> None:
    with pytest.raises(ValueError, match="config of version 2, got dformer-tiny of version 1; use DFormer"):
        DFormerV2(DFORMERS["dformer-tiny"])
