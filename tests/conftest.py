"""What every test may use."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture
def shared_dir() -> Path:
    """Return the folder of real sequences, or skip where it is absent."""
    if not (SHARED / "data").is_dir():
        pytest.skip("needs ../shared")
    return SHARED


@pytest.fixture(autouse=True)
def private_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's cache out of the tests (one cache for the whole run)."""
    root = tmp_path_factory.getbasetemp() / "cache"
    root.mkdir(exist_ok=True)
    monkeypatch.setenv("DVEMAP_CACHE", str(root))
