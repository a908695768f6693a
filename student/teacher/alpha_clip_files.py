"""The two files that an Alpha-CLIP is loaded from: its own image tower, and the text tower of a CLIP.

The authors publish the image tower alone. The text tower is OpenAI's, in an archive of OpenAI, a checkpoint
of open_clip or a file of open_clip's tags. Shapes say which size they are; nothing else is asked.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from student.checkpoints.file import read_checkpoint_file
from student.checkpoints.kind import parts, state_of
from student.checkpoints.shape import mismatch
from student.disk_cache import file_sha256
from student.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

    from student.teacher.alpha_clip import AlphaClip, AlphaClipShape

RELEASED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "9f6ffac9044f641b09975f9c782a34a02a2b52ffd8de4a3d3394404b38794c16": "b16-grit-1m",
        "05254743d5fc12e24f947fb92ba3737e3bc86a9c190dc6608fc9926a0eb64b91": "l14-grit-1m",
        "fa701cf18a3e19a1e5e81668885b15bf75337e59b0788405999e889b7aa775d0": "l14-336-grit-1m",
        "6ff9e3c5735aa34bcbd386ba4d1b99e5efc5deffab077d3d2f2911d1f1c43a57": "b16-grit-20m",
        "42c621bb5bac89a511ab625a878f026c11de4de8cf7abf52db5dfd11862bdb8e": "l14-grit-20m",
        "b0e9c4d5d33bfa2724a0864f8e4b2b92f99aba3a4daf43084114c8caecfbadd9": "l14-336-grit-20m",
        "a00f7bfd80944dacbb77e238eb2c0f055ec3274201023b2e781d9f0d180d9630": "b16-combined",
        "a5f3f2e24459e9764d9f4b4c053fb354dc9d508bd8f647b952402d6860bc9c3d": "l14-combined",
    }
)
"""SHA-256 of the image towers that Alpha-CLIP's authors publish, and what they are called."""

OPENAI: Final[Mapping[str, str]] = MappingProxyType(
    {
        "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f": "OpenAI ViT-B/16",
        "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836": "OpenAI ViT-L/14",
        "3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02": "OpenAI ViT-L/14@336px",
    }
)
"""SHA-256 of OpenAI's archives."""

OPENAI_TAG: Final = "openai"
"""Names open_clip's copies of OpenAI's weights, the only ones that Alpha-CLIP was fine-tuned from."""

_MODELS: Final = MappingProxyType(
    {(768, 16, 224): "ViT-B-16", (1024, 14, 224): "ViT-L-14", (1024, 14, 336): "ViT-L-14-336"}
)
"""Open_clip's names, by width, patch and side."""

_NO_WEIGHTS: Final = ("input_resolution", "context_length", "vocab_size")  # numbers in OpenAI's archives
_TEXT_KEYS: Final = ("token_embedding.weight", "text_projection", "positional_embedding")


def load_alpha_clip(alpha: str | Path, base: str | Path = OPENAI_TAG) -> AlphaClip:
    """Load an Alpha-CLIP of any size, in eval mode, float32 on the CPU.

    Parameters
    ----------
    alpha
        The file of Alpha-CLIP: its image tower alone, as published.
    base
        Where the text tower comes from: a file, OpenAI's archive or a CLIP's state, whose image tower is left
        out; or "openai", open_clip's copy, which is downloaded when it is not on this computer.

    Raises
    ------
    CheckpointError
        A file holds something else, or the two do not belong together; or the tag cannot be had.
    OSError
        A file cannot be opened.
    """
    visual = _read_visual(Path(alpha))
    file = _base_file(base, visual)
    text = {key: value for key, value in _read_state(file).items() if not key.startswith("visual.")}
    missing = [key for key in _TEXT_KEYS if key not in text]
    if missing:
        hint = "; it seems to be the other file, Alpha-CLIP's" if "conv1_alpha.weight" in text else ""
        raise CheckpointError(
            f"{file} holds no text tower of a CLIP, {missing[0]} is missing{hint}; name OpenAI's archive or "
            "a checkpoint of open_clip"
        )
    return assemble(visual, text, alpha, file)


def assemble(
    visual: Mapping[str, Tensor], text: Mapping[str, Tensor], alpha: str | Path, base: str | Path
) -> AlphaClip:
    """Put an image tower (keys `visual.*`) and a text tower under open_clip's keys together.

    Raises
    ------
    CheckpointError
        They do not belong together; the message names the files that they came from.
    """
    from student.teacher.alpha_clip import HEAD_WIDTH, AlphaClip

    shape = _shape_of(visual, text)
    if shape.width % HEAD_WIDTH or shape.text_width % HEAD_WIDTH:
        raise CheckpointError(
            f"{alpha} and {base} make no Alpha-CLIP: widths must be multiples of {HEAD_WIDTH}, got "
            f"{shape.width} and {shape.text_width}"
        )
    return AlphaClip.with_weights(shape, _checked(shape, {**visual, **text}, alpha, base))


def released_name(path: str | Path) -> str | None:
    """Return the published name of an Alpha-CLIP file, such as l14-336-grit-20m; None if it is another."""
    return RELEASED.get(file_sha256(Path(path)))


def _read_visual(path: Path) -> dict[str, Tensor]:
    """Read the image tower, under keys that begin with `visual.`."""
    state = _read_state(path)
    if any(key.startswith("visual.") for key in state):  # of a whole model
        state = {
            key.removeprefix("visual."): value for key, value in state.items() if key.startswith("visual.")
        }
    lora = next((key for key in state if ".lora_" in key), None)
    if lora is not None:
        raise CheckpointError(f"{path} keeps LoRA weights apart ({lora}); merge them into the others first")
    kernel, places = state.get("conv1_alpha.weight"), state.get("positional_embedding")
    if kernel is None or kernel.ndim != 4 or places is None or places.ndim != 2:
        hint = "a CLIP without alpha; name it as the base" if "conv1.weight" in state else "another network"
        raise CheckpointError(
            f"{path} holds no image tower of Alpha-CLIP: expected conv1_alpha.weight among its keys, it "
            f"seems to be {hint}"
        )
    return {f"visual.{key}": value for key, value in state.items()}


def _read_state(path: Path) -> dict[str, Tensor]:
    """Read a state under open_clip's keys, without what parallel training adds to them."""
    state = state_of(_read_archive(path) or read_checkpoint_file(path).content)
    if not state:
        raise CheckpointError(f"{path} holds no weights; expected a state dict, or OpenAI's archive")
    return {
        re.sub(r"\.attn\.in_proj\.(weight|bias)$", r".attn.in_proj_\1", key.removeprefix("module.")): value
        for key, value in state.items()
        if key not in _NO_WEIGHTS
    }


def _read_archive(path: Path) -> dict[str, Tensor] | None:
    """Read the state of a TorchScript program such as OpenAI's; None for another kind of file."""
    import zipfile

    import torch

    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:
        if not any(name.endswith("/constants.pkl") for name in archive.namelist()):
            return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch's; nothing else reads what OpenAI published
        try:
            program: Any = torch.jit.load(path, map_location="cpu")  # type: ignore[no-untyped-call]
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            raise CheckpointError(f"{path} is a damaged TorchScript archive ({reason})") from error
    return dict(program.state_dict())


def _base_file(base: str | Path, visual: Mapping[str, Tensor]) -> Path:
    """Return the file of a base, fetching that of a tag."""
    import open_clip

    if Path(base).is_file():
        return Path(base)
    kernel, places = visual["visual.conv1_alpha.weight"], visual["visual.positional_embedding"]
    patch = kernel.shape[-1]
    model = _MODELS.get((kernel.shape[0], patch, round((len(places) - 1) ** 0.5) * patch))
    if model is None or base != OPENAI_TAG:
        raise CheckpointError(
            f"{base}: no such file; expected OpenAI's archive or the state of a CLIP"
            + (f", or {OPENAI_TAG} for open_clip's copy" if model else "; this size is in no library")
        )
    try:
        return Path(open_clip.download_pretrained(open_clip.get_pretrained_cfg(model, base)))
    except (OSError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(
            f"{model} {base!r} is not on this computer and could not be fetched ({reason}); fetch it "
            "elsewhere and name its file as the base"
        ) from error


def _shape_of(visual: Mapping[str, Tensor], text: Mapping[str, Tensor]) -> AlphaClipShape:
    """Read the sizes off the weights; what is missing or odd is named later, key by key."""
    from student.teacher.alpha_clip import AlphaClipShape

    kernel, places = visual["visual.conv1_alpha.weight"], visual["visual.positional_embedding"]
    words, projection = text["token_embedding.weight"], text["text_projection"]
    patch = int(kernel.shape[-1])
    return AlphaClipShape(
        side=round((len(places) - 1) ** 0.5) * patch,
        patch=patch,
        width=int(kernel.shape[0]),
        layers=parts(visual, "visual.transformer.resblocks."),
        dimension=int(projection.shape[-1]),
        text_width=int(words.shape[-1]),
        text_layers=parts(text, "transformer.resblocks."),
        context=len(text["positional_embedding"]),
        vocabulary=len(words),
    )


def _checked(
    shape: AlphaClipShape, state: Mapping[str, Tensor], alpha: str | Path, base: str | Path
) -> dict[str, Tensor]:
    """Return a state in float32 that is complete, of the right shapes and finite, and holds nothing else."""
    from student.teacher.alpha_clip import empty_state

    expected = empty_state(shape)
    wrong = mismatch(expected, state, exact=True)
    if wrong is not None:
        raise CheckpointError(f"{alpha} (visual.*) and {base} (the rest) make no Alpha-CLIP: {wrong}")
    ready = {key: value.detach().float() for key, value in state.items()}
    broken = next((key for key, value in ready.items() if not value.isfinite().all()), None)
    if broken is not None:
        file = alpha if broken.startswith("visual.") else base
        raise CheckpointError(f"{file}: weights must be finite, {broken} holds NaN or infinity")
    return ready
