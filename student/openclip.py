"""Text towers of open_clip."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from importlib import util
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from student.disk_cache import file_sha256
from student.errors import CheckpointError, EncoderError
from student.text import Embed

_SAFE: Final = "open_clip_model.safetensors"
_PICKLED: Final = "open_clip_pytorch_model.bin"
_PATIENCE: Final = 10.0  # seconds


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
        The model has no such tag, or its weights cannot be fetched.
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
    tag = {} if Path(source).is_file() else open_clip.get_pretrained_cfg(model, source)
    file = _file_of(model, source, tag) if tag else source
    # The weights of a tag may need another activation than the model's configuration names.
    quick_gelu = bool(tag.get("quick_gelu", False))
    try:
        network = open_clip.create_model(
            model, pretrained=file, device="cpu", force_quick_gelu=quick_gelu
        ).eval()
    except (RuntimeError, KeyError, ValueError) as error:
        raise CheckpointError(f"{source} holds no weights of open_clip model {model}: {error}") from error
    tokenizer = open_clip.get_tokenizer(model)

    def embed(texts: Sequence[str]) -> npt.NDArray[np.float32]:
        with torch.inference_mode():
            vectors: npt.NDArray[np.float32] = network.encode_text(tokenizer(list(texts))).float().numpy()
        return vectors

    return embed


def _file_of(model: str, source: str, tag: Mapping[str, Any]) -> str:
    """Return the file of a tag's weights; the network is asked only for what is not on this computer."""
    import open_clip

    repository, _, name = tag.get("hf_hub", "").rpartition("/")
    if repository:
        import huggingface_hub

        names = (name,) if name else (_SAFE, _PICKLED)
        found = (huggingface_hub.try_to_load_from_cache(repository, name) for name in names)
        here = next((path for path in found if isinstance(path, str)), None)
        if here is not None:
            return here
        try:  # at once: a download that cannot reach the server tries again for a minute
            huggingface_hub.get_session().head(huggingface_hub.constants.ENDPOINT, timeout=_PATIENCE)
        except Exception as error:  # what it raises depends on the HTTP client
            raise EncoderError(
                f"the weights of the text encoder openclip:{model}/{source} are not on this computer, and "
                f"{huggingface_hub.constants.ENDPOINT} cannot be reached ({error}); connect it once, or "
                f"elsewhere run: hf download {repository} {names[0]}, and copy what that puts into "
                f"~/.cache/huggingface/hub to {huggingface_hub.constants.HF_HUB_CACHE}"
            ) from error
    try:
        return str(open_clip.download_pretrained(tag))
    except (OSError, RuntimeError) as error:
        raise EncoderError(
            f"the weights of the text encoder openclip:{model}/{source} could not be fetched: {error}"
        ) from error
