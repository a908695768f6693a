"""What every test may use."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"
GOLDEN = Path(__file__).resolve().parent / "golden"


@pytest.fixture
def shared_dir() -> Path:
    """Return the folder of real sequences, or skip where it is absent."""
    if not (SHARED / "data").is_dir():
        pytest.skip("needs ../shared")
    return SHARED


@pytest.fixture(scope="session")
def golden() -> Path:
    """Return the folder of outputs of the official networks under deterministic weights."""
    return GOLDEN


@pytest.fixture(scope="session")
def deterministic() -> SimpleNamespace:
    """Return what made the weights and inputs of the golden files, from their names alone."""
    from dvemap.bench.official import fill_network, named_tensor, named_uniform

    return SimpleNamespace(tensor=named_tensor, uniform=named_uniform, fill=fill_network)


@pytest.fixture(scope="session")
def tiny_config() -> Any:
    """Return the config of a student that costs next to nothing: codes of 25 numbers, embeddings of 20."""
    from student import StudentConfig

    return StudentConfig(
        rgb_channels=24,
        depth_channels=8,
        depths=(1, 1, 1, 1),
        head_channels=8,
        context_channels=16,
        main_channels=16,
        skip_channels=(8, 8, 8),
        fuse_channels=24,
        embedding_dim=20,
    )


@pytest.fixture
def shallow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the small DFormers of both kinds shallow: they cost little, and every part of them is there."""
    from student.networks.dformer_config import DFORMERS

    for name, channels in (("dformer-small", (16, 32, 48, 64)), ("dformerv2-small", (32, 48, 64, 64))):
        changes = {"depths": (1, 2, 1, 2), "channels": channels, "layer_scale": (False, True, False, True)}
        monkeypatch.setitem(DFORMERS, name, DFORMERS[name].model_copy(update=changes))


@pytest.fixture(scope="session")
def tiny_depth(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return tiny Depth Anythings of random weights, "metric" and "relative", as Hugging Face folders."""
    import torch
    from safetensors.torch import save_file

    from student.checkpoints.dpt_keys import Family, to_official
    from student.networks.dpt import Dpt
    from student.networks.dpt_config import DptConfig
    from student.networks.vit import VitConfig

    vit = VitConfig(
        width=32,
        depth=4,
        heads=2,
        patch=14,
        grid=5,
        taps=(0, 1, 2, 3),
        tap_norm=True,
        position="bicubic",
        layer_scale=True,
    )
    folders = {}
    for kind in ("metric", "relative"):
        config = DptConfig(vit=vit, channels=(8, 8, 8, 8), features=8, readout="ignore", exact=True, hidden=8)
        torch.manual_seed(0)
        network = Dpt(config)
        with torch.no_grad():
            for weights in network.parameters():
                weights.normal_(0, 0.15)  # the usual start gives one depth everywhere
            network.head.conv3.bias.fill_(0.5)
        folder = folders[kind] = tmp_path_factory.mktemp("depth") / f"tiny-{kind}"
        folder.mkdir()
        save_file(to_official(network.state_dict(), Family.HUGGING_FACE), folder / "model.safetensors")
        about = {
            "model_type": "depth_anything",
            "depth_estimation_type": kind,
            "max_depth": 20 if kind == "metric" else None,
            "backbone_config": {"num_attention_heads": 2, "out_indices": [1, 2, 3, 4]},
        }
        (folder / "config.json").write_text(json.dumps(about))
        seen = {
            "size": {"height": 70, "width": 70},
            "keep_aspect_ratio": True,
            "ensure_multiple_of": 14,
            "resample": 3,
            "image_mean": [0.485, 0.456, 0.406],
            "image_std": [0.229, 0.224, 0.225],
        }
        (folder / "preprocessor_config.json").write_text(json.dumps(seen))
    return folders


@pytest.fixture(autouse=True)
def private_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's cache out of the tests (one cache for the whole run)."""
    root = tmp_path_factory.getbasetemp() / "cache"
    root.mkdir(exist_ok=True)
    monkeypatch.setenv("DVEMAP_CACHE", str(root))
