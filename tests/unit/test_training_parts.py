"""Loss, schedule, averaged weights and settings of training, each by itself."""

from pathlib import Path
from typing import Any

import pydantic
import pytest
import torch
from torch.nn import functional

from dvemap.settings import known_names
from dvemap.training_config import TrainConfig, changed_settings, load_training_config
from student.networks.config import StudentConfig
from student.networks.dveformer import build
from student.training.average import WeightAverage
from student.training.config import OptimizerConfig, RunConfig, ScheduleConfig
from student.training.errors import TrainingError
from student.training.loss import cosine_loss
from student.training.schedule import OneCycle
from student.training.state_file import load_state, save_state
from student.training.trainer import _make_optimizer

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
TINY = StudentConfig(
    rgb_channels=12,
    depth_channels=4,
    depths=(1, 1, 1, 1),
    head_channels=8,
    window=4,
    context_channels=8,
    main_channels=8,
    skip_channels=(8, 8, 8),
    fuse_channels=8,
    embedding_dim=6,
)


def test_the_gradient_of_the_loss_is_that_of_cosines() -> None:
    torch.manual_seed(0)
    prediction = torch.randn(2, 5, 4, 6, requires_grad=True)
    lut = functional.normalize(torch.randn(4, 5), dim=1)
    index = torch.randint(0, 5, (2, 4, 6), dtype=torch.int32)
    total, count = cosine_loss(prediction, lut, index)
    (gradient,) = torch.autograd.grad(total, prediction)
    valid = index > 0
    pixels = prediction.permute(0, 2, 3, 1)[valid]
    plain = (1 - functional.cosine_similarity(pixels, lut[index[valid].long() - 1])).sum()
    (expected,) = torch.autograd.grad(plain, prediction)
    assert int(count) == int(valid.sum())
    torch.testing.assert_close(total, plain, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-6)
    assert not gradient.permute(0, 2, 3, 1)[~valid].any()


def test_images_without_targets_give_no_loss_and_no_gradient() -> None:
    prediction = torch.randn(1, 3, 2, 2, requires_grad=True)
    total, count = cosine_loss(prediction, torch.zeros(0, 3), torch.zeros(1, 2, 2, dtype=torch.int32))
    total.backward()
    assert (float(total.detach()), int(count)) == (0, 0)
    assert prediction.grad is not None
    assert not prediction.grad.any()


@pytest.mark.parametrize(("per", "epochs", "steps"), [("epoch", 250, 3), ("step", 20, 5)])
@pytest.mark.filterwarnings("ignore:Detected call of:UserWarning")
def test_one_cycle_is_that_of_torch(per: Any, epochs: int, steps: int) -> None:
    optimizer = torch.optim.AdamW([torch.zeros(1, requires_grad=True)], lr=1.0)
    ticks = epochs if per == "epoch" else epochs * steps
    reference = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2.5e-5, total_steps=ticks, pct_start=0.1)
    ours = OneCycle(ScheduleConfig(per=per), 2.5e-5, epochs, steps)
    for tick in range(ticks):
        place = (tick, steps - 1) if per == "epoch" else divmod(tick, steps)
        rates = ours.at(*place)
        assert rates.lr == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9, abs=1e-18)
        assert rates.momentum == pytest.approx(optimizer.param_groups[0]["betas"][0], rel=1e-12)
        if tick + 1 < ticks:
            optimizer.step()
            reference.step()


def test_the_published_rates() -> None:
    schedule = OneCycle(ScheduleConfig(), 5e-5 * 4 / 8, 250, 1000)
    rates = [schedule.at(epoch, 0) for epoch in (0, 24, 249)]
    assert [r.lr for r in rates] == pytest.approx([1e-6, 2.5e-5, 1e-10])
    assert [r.momentum for r in rates] == pytest.approx([0.95, 0.85, 0.95])


def test_warm_up_begins_near_zero_and_then_leaves_the_cycle_alone() -> None:
    plain = OneCycle(ScheduleConfig(momentum=None), 1.0, 4, 10)
    warm = OneCycle(ScheduleConfig(momentum=None, warmup_steps=5), 1.0, 4, 10)
    shares = [warm.at(*divmod(k, 10)).lr / plain.at(*divmod(k, 10)).lr for k in range(8)]
    assert shares == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1, 1, 1])
    assert plain.at(0, 0).momentum is None


def test_a_cycle_can_be_longer_than_the_run() -> None:
    config = {"data": [{"path": "x"}], "run": {"epochs": 3}, "schedule": {"epochs": 2}}
    with pytest.raises(
        pydantic.ValidationError, match=r"schedule\.epochs must be at least run\.epochs \(3\)"
    ):
        TrainConfig.model_validate(config)
    config["schedule"] = {"epochs": 12}
    assert TrainConfig.model_validate(config).schedule.epochs == 12


@pytest.mark.parametrize("name", sorted(path.name for path in CONFIGS.glob("*.yaml")))
def test_configurations_that_come_along_are_valid(name: str) -> None:
    assert load_training_config(CONFIGS / name, []).data


@pytest.mark.parametrize("epochs", [1, 2, 9])
def test_short_runs_have_rates(epochs: int) -> None:
    schedule = OneCycle(ScheduleConfig(), 1.0, epochs, 2)
    assert all(0 < schedule.at(epoch, 0).lr <= 1 for epoch in range(epochs))


def test_the_average_follows_the_weights_and_counts() -> None:
    network = build(TINY)
    average = WeightAverage(network, decay=0.9)
    key = "context_module.final_conv.norm.running_mean"
    counter = key.replace("running_mean", "num_batches_tracked")
    first = {name: value.clone() for name, value in network.state_dict().items()}
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1)
        network.get_buffer(key).add_(1)
        network.get_buffer(counter).add_(7)
    average.update(network, step=0)
    averaged = average.network.state_dict()
    for name, _ in network.named_parameters():
        torch.testing.assert_close(averaged[name], first[name] + 0.9)  # in the first step 1/10 is kept
    torch.testing.assert_close(averaged[key], first[key] + 0.9)
    assert averaged[counter] == 7
    average.update(network, step=10_000)
    torch.testing.assert_close(average.network.state_dict()[key], first[key] + 0.91)
    assert not average.network.training
    assert not any(parameter.requires_grad for parameter in average.network.parameters())


@pytest.mark.usefixtures("shallow")
def test_scales_of_any_shape_do_not_decay_where_norms_do_not() -> None:
    """A DFormerv2 has scales of shape (1, 1, 1, C), and two weights for distances, (2, 1, 1, 1)."""
    network = build(TINY.model_copy(update={"encoder": "dformerv2-small"}))
    matrices, vectors = _make_optimizer(network, OptimizerConfig(decay_norms=False), 1e-3).param_groups
    names = {id(weight): name for name, weight in network.named_parameters()}
    assert vectors["weight_decay"] == 0 < matrices["weight_decay"]
    free = {names[id(weight)].rpartition(".")[2] for weight in vectors["params"]}
    assert {"gamma_1", "gamma_2", "bias"} <= free
    assert not any(
        names[id(weight)].endswith(("bias", "Geo.weight", "gamma_1")) for weight in matrices["params"]
    )
    assert sum(len(group["params"]) for group in (matrices, vectors)) == len(names)


def test_state_files_are_whole_and_nothing_else_is_taken_for_one(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    save_state(path, {"numbers": torch.arange(3), "best": (1, 0.5), "none": None})
    assert load_state(path)["best"] == (1, 0.5)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(TrainingError, match=r"state\.pt is damaged"):
        load_state(path)
    torch.save({"weights": torch.zeros(1)}, path)
    with pytest.raises(TrainingError, match="expected the state of a training run"):
        load_state(path)


@pytest.mark.parametrize("name", ["dveformer-fullres", "dveformer-reducedres", "smoke"])
def test_shipped_configurations_are_valid(name: str) -> None:
    config = load_training_config(CONFIGS / f"{name}.yaml", [])
    assert TrainConfig.model_validate(config.plain()) == config
    if name != "smoke":
        assert config.network.upsamplings == (2 if name == "dveformer-fullres" else 0)
        assert [entry.fraction for entry in config.data] == [1.0, 0.1, 1.0, 0.25, 1.0]
        assert config.optimizer.lr * config.run.batch / 8 == 2.5e-5
        assert (config.run.epochs, config.run.ema, config.optimizer.clip) == (250, 0.0, None)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("optimizer.lrr=1", r"unknown setting 'optimizer.lrr'; did you mean 'optimizer.lr'"),
        ("data.0.fractoin=0.5", r"unknown setting 'data.0.fractoin'; did you mean 'data.0.fraction'"),
        ("augment.strong.blurr=1", r"unknown setting 'augment.strong.blurr'; did you mean"),
        ("data.3.path=x", r"'data' has 1 entries, from 0; got '3'"),
        ("optimizer.lr.x=1", r"'lr' holds a value, not a section"),
        ("optimizer.lr=-1", r"setting 'optimizer.lr': input should be greater than 0, got -1"),
        ("run.accumulate=3", r"batch must be a multiple of accumulate, got 8 and 3"),
        ("data=[]", r"setting 'data': list should have at least 1 item"),
    ],
)
def test_wrong_settings_are_named(assignment: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_training_config(CONFIGS / "smoke.yaml", [assignment])


def test_missing_data_is_said(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("run: {epochs: 3}\n")
    with pytest.raises(ValueError, match=r"empty.yaml: setting 'data' is missing"):
        load_training_config(tmp_path / "empty.yaml", [])


def test_settings_reach_into_lists_and_optional_sections() -> None:
    changes = ["data.0.stride=5", "augment.strong.blur=0.1", "validation.data.stride=3"]
    config = load_training_config(CONFIGS / "smoke.yaml", changes)
    assert config.data[0].stride == 5
    assert config.augment.strong is not None
    assert config.augment.strong.blur == 0.1
    assert config.validation is not None
    assert config.validation.data.stride == 3
    names = known_names(TrainConfig)
    assert {"data.0.path", "augment.strong.blur", "validation.data.path", "run.batch"} <= set(names)


def test_a_resumed_run_may_change_where_it_runs_but_not_what_it_learns() -> None:
    before = load_training_config(CONFIGS / "smoke.yaml", []).plain()
    free = load_training_config(CONFIGS / "smoke.yaml", ["run.workers=3", "run.device=cpu"]).plain()
    other = load_training_config(CONFIGS / "smoke.yaml", ["optimizer.lr=1", "data.0.stride=2"]).plain()
    assert changed_settings(before, free) == []
    assert changed_settings(before, other) == [
        "data.0.stride was 4, is 2",
        "optimizer.lr was 0.002, is 1.0",
    ]
    del before["validation"]["probe"]  # as of a run that is older than this setting
    assert changed_settings(before, free) == []


def test_validations_are_due_as_in_the_recipe() -> None:
    config = load_training_config(CONFIGS / "dveformer-fullres.yaml", [])
    assert config.validation is not None
    due = [epoch for epoch in range(1, 251) if config.validation.due(epoch, 250)]
    assert due == [*range(20, 221, 20), *range(226, 251)]


def test_a_batch_divides_into_its_parts() -> None:
    with pytest.raises(ValueError, match="multiple of accumulate"):
        RunConfig(batch=6, accumulate=4)
