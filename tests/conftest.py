"""What every test may use."""

import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
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
    return SimpleNamespace(tensor=_tensor, uniform=_uniform, fill=_fill)


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


@pytest.fixture(autouse=True)
def private_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's cache out of the tests (one cache for the whole run)."""
    root = tmp_path_factory.getbasetemp() / "cache"
    root.mkdir(exist_ok=True)
    monkeypatch.setenv("DVEMAP_CACHE", str(root))


def _random(name: str) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))


def _tensor(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Float32 value of the weight `name`: fan-in scaled, norm weights and variances near 1, else small."""
    x = np.asarray(_random(name).standard_normal(shape, dtype=np.float32))
    if name.endswith("running_var"):
        return np.asarray(1.0 + 0.1 * np.abs(x), np.float32)
    if len(shape) >= 2:
        return np.asarray(x / np.sqrt(np.prod(shape[1:], dtype=np.float64)), np.float32)
    return np.asarray((1.0 if name.endswith(".weight") else 0.0) + 0.1 * x, np.float32)


def _uniform(name: str, shape: tuple[int, ...], low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """Float32 input `name`, uniform in [low, high)."""
    return (low + (high - low) * _random(name).random(shape, dtype=np.float32)).astype(np.float32)


def _fill(module: Any) -> Any:
    """Give every float entry of a module its deterministic value, but the tables it computes."""
    import torch

    computed = ("relative_coords_table", "relative_position_index")
    state = module.state_dict()
    for name, value in state.items():
        if value.is_floating_point() and not name.endswith(computed):
            state[name] = torch.from_numpy(_tensor(name, tuple(value.shape)))
    module.load_state_dict(state)
    return module
