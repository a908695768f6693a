"""Text towers of open_clip."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from importlib import util
from pathlib import Path

import numpy as np
import numpy.typing as npt

from student.disk_cache import file_sha256
from student.errors import CheckpointError, EncoderError
from student.text import Embed


def parse(id: str) -> tuple[str, str]:
    """Split "openclip:<model>/<tag or path>" into model and source.

    Raises
    ------
    EncoderError
        A part is missing.
    """
    model, _, source = id.removeprefix("openclip:").partition("/")
    if not model or not source:
        raise EncoderError(
            f'expected "openclip:<model>/<tag or path>", for example "openclip:ViT-B-32/laion2b_s34b_b79k", '
            f"got {id!r}"
        )
    return model, source


def dimension(model: str) -> int:
    """Return the length of a model's embeddings, read from its configuration without importing torch.

    Raises
    ------
    EncoderError
        open_clip is not installed or has no such model.
    """
    package = util.find_spec("open_clip")
    if package is None or package.origin is None:
        raise EncoderError("open_clip is not installed; install it with: pip install open_clip_torch")
    folder = Path(package.origin).parent / "model_configs"
    try:
        return int(json.loads((folder / f"{model}.json").read_text())["embed_dim"])
    except FileNotFoundError:
        near = difflib.get_close_matches(model, [path.stem for path in folder.glob("*.json")], n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise EncoderError(f"open_clip has no model {model!r}{hint}") from None


def weights(source: str) -> str:
    """Name the weights: the SHA-256 of a checkpoint file, or the tag.

    Raises
    ------
    CheckpointError
        The source looks like a path and there is no such file.
    """
    path = Path(source)
    if path.is_file():
        return file_sha256(path)
    if "/" in source or path.suffix in (".pt", ".pth", ".bin", ".safetensors"):
        raise CheckpointError(
            f"{source}: no such file; expected a checkpoint of open_clip or a pretrained tag"
        )
    return f"tag {source}"


def load(model: str, source: str) -> Embed:
    """Load a model; a tag that is not on this computer is downloaded by open_clip.

    Raises
    ------
    EncoderError
        The model has no such tag.
    CheckpointError
        The checkpoint does not fit the model.
    """
    import open_clip
    import torch

    if not Path(source).is_file() and source not in open_clip.list_pretrained_tags_by_model(model):
        tags = open_clip.list_pretrained_tags_by_model(model)
        near = difflib.get_close_matches(source, tags, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(tags) or 'none'}"
        raise EncoderError(f"open_clip model {model} has no pretrained tag {source!r}; {hint}")
    try:
        network = open_clip.create_model(model, pretrained=source, device="cpu").eval()
    except (RuntimeError, KeyError, ValueError) as error:
        raise CheckpointError(f"{source} holds no weights of open_clip model {model}: {error}") from error
    tokenizer = open_clip.get_tokenizer(model)

    def embed(texts: Sequence[str]) -> npt.NDArray[np.float32]:
        with torch.inference_mode():
            vectors: npt.NDArray[np.float32] = network.encode_text(tokenizer(list(texts))).float().numpy()
        return vectors

    return embed
