"""Networks of the DVEFormer family: shapes, gradients, what they refuse."""

import numpy as np
import pydantic
import pytest
import torch

import student
from student import StudentConfig
from student.networks.rgbd_resnet import ResidualBlock
from student.networks.swin import WindowAttention, shift_mask

TINY = StudentConfig(
    rgb_channels=12,
    depth_channels=4,
    depths=(1, 1, 2, 1),
    head_channels=8,
    window=4,
    context_channels=8,
    main_channels=8,
    skip_channels=(8, 4, 4),
    fuse_channels=16,
    bottleneck=6,
    embedding_dim=10,
)


def inputs(height: int = 64, width: int = 96, count: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    shape = (count, 4, height, width)
    both = torch.randn(shape, generator=generator)
    return both[:, :3], both[:, 3:]


@pytest.mark.parametrize(("upsamplings", "stride"), [(0, 4), (1, 2), (2, 1)])
def test_embeddings_come_at_the_stride_of_the_config(upsamplings: int, stride: int) -> None:
    config = TINY.model_copy(update={"upsamplings": upsamplings})
    assert config.stride == stride
    with torch.inference_mode():
        embedding = student.build(config).eval()(*inputs(count=2))
    assert embedding.shape == (2, 10, 64 // stride, 96 // stride)


def test_head_matrix_turns_homogeneous_features_into_embeddings() -> None:
    network = student.build(TINY).eval()
    with torch.inference_mode():
        features = network.features(*inputs())[0].numpy()
        embedding = network(*inputs())[0].numpy()
    homogeneous = np.concatenate([features, np.ones_like(features[:1])])
    assert network.head_matrix().shape == (10, 7)
    np.testing.assert_allclose(np.tensordot(network.head_matrix(), homogeneous, 1), embedding, atol=1e-5)


def test_head_matrix_needs_a_linear_head() -> None:
    network = student.build(TINY.model_copy(update={"upsamplings": 2}))
    with pytest.raises(ValueError, match="2 learned upsamplings is not linear per pixel"):
        network.head_matrix()


@pytest.mark.parametrize("encoder", ["swin", "residual", "dformer-small", "dformerv2-small"])
@pytest.mark.parametrize("decoder", ["mlp", "dpt"])
@pytest.mark.usefixtures("shallow")
def test_every_parameter_but_the_bias_of_the_keys_learns(encoder: str, decoder: str) -> None:
    network = student.build(TINY.model_copy(update={"encoder": encoder, "decoder": decoder})).train()
    network(*inputs(count=2)).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        if name.endswith("qkv.bias"):
            assert not parameter.grad.view(3, -1)[1].any(), name


def test_training_skips_whole_branches_and_keeps_their_mean() -> None:
    network = student.build(TINY.model_copy(update={"drop_path": 0.5})).train()
    last = network.backbone.layer_4[0][1][0]
    assert last.drop_path.chance == 0.5
    torch.manual_seed(0)
    kept = last.drop_path(torch.ones(4000, 1, 1, 1)).flatten()
    assert set(kept.tolist()) == {0.0, 2.0}
    assert abs(float(kept.mean()) - 1) < 0.1
    assert network.backbone.layer_1[0].drop_path.chance == 0


def test_a_residual_block_begins_as_what_came_in() -> None:
    block = ResidualBlock(4, 4, stride=1, drop_path=0.5).train()
    x = inputs()[0].abs()[:, :1].expand(-1, 4, -1, -1)
    assert torch.equal(block(x), x)
    torch.nn.init.ones_(block.norm2.weight)
    torch.manual_seed(0)
    many = x[:, :, :4, :4].expand(200, -1, -1, -1)
    skipped = [torch.equal(one, many[0]) for one in block(many)]
    assert 60 < sum(skipped) < 140


def test_stages_of_the_residual_encoder_halve_and_double() -> None:
    network = student.build(TINY.model_copy(update={"encoder": "residual"})).eval()
    with torch.inference_mode():
        shapes = [tuple(stage.shape) for stage in network.backbone(*inputs())]
    assert shapes == [(1, 16, 24, 16), (1, 8, 12, 32), (1, 4, 6, 64), (1, 2, 3, 128)]


def test_an_axis_with_one_window_is_not_shifted() -> None:
    attention = WindowAttention(8, 1, window=4, shift=2)
    assert attention.shifts(4, 8) == (0, 2)
    assert attention.shifts(8, 4) == (2, 0)


def test_mask_separates_what_only_the_shift_made_neighbours() -> None:
    mask = shift_mask(4, 8, window=4, shift=(0, 2))
    assert mask.shape == (2, 16, 16)
    assert not mask[0].any()
    # In the last window the right half came from the left edge of the map.
    right = torch.arange(16) % 4 >= 2
    assert torch.equal(mask[1] == 0, right[:, None] == right[None, :])
    assert set(mask[1].unique().tolist()) == {-100.0, 0.0}


def test_published_configs_have_the_published_numbers_of_parameters() -> None:
    with torch.device("meta"):
        count = {name: sum(p.numel() for p in student.build(name).parameters()) for name in PARAMETERS}
    assert count == PARAMETERS


PARAMETERS = {"dveformer-fullres": 56_281_912, "dveformer-reducedres": 53_120_824}


@pytest.mark.parametrize(
    ("rgb", "depth", "message"),
    [
        ((1, 4, 64, 64), (1, 1, 64, 64), r"rgb must be \(N, 3, H, W\), got \(1, 4, 64, 64\)"),
        ((1, 3, 64, 64), (1, 1, 32, 64), r"depth must be \(1, 1, 64, 64\)"),
        ((1, 3, 64, 72), (1, 1, 64, 72), "multiples of 32, got 64 x 72"),
    ],
)
def test_wrong_images_are_refused(rgb: tuple[int, ...], depth: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        student.build(TINY)(torch.zeros(rgb), torch.zeros(depth))


def test_an_unknown_name_says_what_was_meant() -> None:
    with pytest.raises(ValueError, match="did you mean 'dveformer-reducedres'"):
        student.build("dveformer-reduced")


def test_a_width_that_heads_do_not_divide_is_refused() -> None:
    with pytest.raises(pydantic.ValidationError, match="multiple of head_channels"):
        StudentConfig(rgb_channels=40, depth_channels=10)
    assert StudentConfig(encoder="residual", rgb_channels=40, depth_channels=10).width == 50
