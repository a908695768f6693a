"""Depth from colour: sources, rules, and what is wrong with them."""

import json
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from student.checkpoints.dpt_keys import Family, to_official
from student.depth_estimator import open_depth_estimator
from student.depth_input import DEPTH_INPUTS
from student.depth_source import input_rule, load_depth_source
from student.errors import CheckpointError
from student.networks.depth_anything import depth_anything_config
from student.networks.dpt import Dpt
from student.networks.dpt_config import DPT_CONFIGS, DptConfig
from student.networks.vit import VitConfig

torch.set_num_threads(2)


def picture(height: int = 60, width: int = 80, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_metres_and_relative_depth(tiny_depth: dict[str, Path]) -> None:
    rgb = picture()
    metric, relative = (open_depth_estimator(tiny_depth[kind], "cpu") for kind in ("metric", "relative"))
    assert (metric.metric, relative.metric) == (True, False)
    assert (metric.name, metric.device) == ("tiny-metric", "cpu")
    depth = metric.estimate(rgb)
    assert (depth.shape, depth.dtype) == ((60, 80), np.float32)
    assert 0 < depth.min() < depth.max() < 20
    assert depth.std() > 1e-3
    assert relative.estimate(rgb).min() >= 0
    assert metric.fingerprint != relative.fingerprint
    assert metric.fingerprint == open_depth_estimator(tiny_depth["metric"], "cpu").fingerprint


def test_the_folder_says_how_images_are_seen(tiny_depth: dict[str, Path], tmp_path: Path) -> None:
    rule = load_depth_source(tiny_depth["metric"]).rule
    assert (rule.side, rule.multiple, rule.pillow, rule.output) == (70, 14, True, "nearest")
    folder = shutil.copytree(tiny_depth["metric"], tmp_path / "other")
    file = folder / "preprocessor_config.json"
    said = json.loads(file.read_text())
    file.write_text(json.dumps(said | {"size": {"height": 140, "width": 140}}))
    here, there = (open_depth_estimator(path, "cpu") for path in (tiny_depth["metric"], folder))
    assert here.fingerprint != there.fingerprint
    assert not np.allclose(here.estimate(picture()), there.estimate(picture()), atol=1e-3)
    for wrong in ({"keep_aspect_ratio": False}, {"size": {"height": 70, "width": 84}}, {"resample": 2}):
        file.write_text(json.dumps(said | wrong))
        with pytest.raises(CheckpointError, match="expected one side, keep_aspect_ratio true and bicubic"):
            open_depth_estimator(folder)
    file.write_text("{}")
    with pytest.raises(CheckpointError, match="expected the settings of a DPTImageProcessor"):
        open_depth_estimator(folder)
    file.unlink()
    with pytest.raises(CheckpointError, match=r"preprocessor_config\.json is missing\); expected a folder"):
        open_depth_estimator(folder)


def test_each_family_has_its_rule() -> None:
    assert input_rule(depth_anything_config("small")) == DEPTH_INPUTS["depth-anything"]
    assert input_rule(depth_anything_config("small", hf=True)) == DEPTH_INPUTS["depth-anything-hf"]
    assert input_rule(DPT_CONFIGS["dpt-hybrid-nyu"]) == DEPTH_INPUTS["dpt"]
    assert input_rule(DPT_CONFIGS["dpt-toolbox-vitb16-nyu"]) == DEPTH_INPUTS["dpt-toolbox"]


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a tiny network under the official keys."""
    vit = VitConfig(
        width=16, depth=12, heads=1, patch=14, grid=3, taps=(2, 5, 8, 11), tap_norm=True, layer_scale=True
    )
    config = DptConfig(vit=vit, channels=(4, 4, 4, 4), features=4, readout="ignore", exact=True, hidden=4)
    torch.manual_seed(1)
    state = to_official(Dpt(config).state_dict(), Family.DEPTH_ANYTHING)
    path = tmp_path_factory.mktemp("official") / "depth_anything_v2_metric_hypersim_tiny.pth"
    torch.save(state, path)
    return path


def test_an_official_file_tells_its_range_by_its_name(official: Path, tmp_path: Path) -> None:
    network = load_depth_source(official).network
    assert (network.config.max_depth, network.config.vit.position) == (20.0, "offset")
    own = tmp_path / "mine.pth"
    shutil.copy(official, own)
    with pytest.raises(CheckpointError, match="metric and relative networks have the same keys"):
        load_depth_source(own)
    assert load_depth_source(own, max_depth=5).network.config.max_depth == 5


def test_names_of_the_catalogue(official: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "depth-anything-v2-metric-outdoor-small"
    with pytest.raises(CheckpointError, match=f"fetch them with: dvemap weights pull {name}, or take them"):
        open_depth_estimator(name)
    with pytest.raises(CheckpointError, match=r"did you mean 'depth-anything-v2-metric-indoor-small'\?"):
        open_depth_estimator("depth-anything-v2-metric-indor-small")
    with pytest.raises(CheckpointError, match=r"nothing\.pth: no such file or directory"):
        open_depth_estimator("nothing.pth")
    with pytest.raises(CheckpointError, match=r"\./nowhere: no such file or directory"):
        open_depth_estimator("./nowhere")
    asked: list[tuple[str | None, float | None]] = []

    def load(path: Path, name: str | None = None, max_depth: float | None = None) -> Dpt:
        asked.append((name, max_depth))
        from student.checkpoints.dpt_file import load_dpt

        return load_dpt(path)

    monkeypatch.setattr("student.weights.find", lambda name: official)
    monkeypatch.setattr("student.checkpoints.dpt_file.load_depth_network", load)
    assert open_depth_estimator(name, "cpu").name == name
    assert asked == [(name, 80.0)]
    with pytest.raises(CheckpointError, match=r"-small reaches 80 m, got max_depth 20; leave it out"):
        open_depth_estimator(name, max_depth=20)
    with pytest.raises(CheckpointError, match=r"v2-small has no range to choose, got max_depth 20"):
        open_depth_estimator("depth-anything-v2-small", max_depth=20)


def test_a_hub_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    def download(repository: str, name: str) -> str:
        raise OSError(f"no connection for {repository}")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    with pytest.raises(
        CheckpointError, match=r"someone/Depth is no Depth .* \(no connection for someone/Depth\)"
    ):
        open_depth_estimator("someone/Depth")


def test_it_may_be_called_from_several_threads(tiny_depth: dict[str, Path]) -> None:
    estimator = open_depth_estimator(tiny_depth["metric"], "cpu")
    images = [picture(seed=k) for k in range(6)]
    alone = [estimator.estimate(image) for image in images]
    together: dict[int, np.ndarray] = {}
    threads = [
        threading.Thread(target=lambda k=k: together.update({k: estimator.estimate(images[k])}))
        for k in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k in range(6):
        np.testing.assert_array_equal(together[k], alone[k])
