"""What a user names an estimator of depth by: a name of the weights catalogue, a file, a folder, a hub id.

What a network takes and gives (`DepthInput`) follows from its family.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from student.depth_input import DEPTH_INPUTS, DepthInput
from student.errors import CheckpointError

if TYPE_CHECKING:
    from student.networks.dpt import Dpt
    from student.networks.dpt_config import DptConfig

CONFIG: Final = "config.json"
PREPROCESSOR: Final = "preprocessor_config.json"
WEIGHTS: Final = "model.safetensors"
SUFFIXES: Final = (".pth", ".pt", ".safetensors")
_BICUBIC: Final = 3  # Pillow's number for it


@dataclass(frozen=True, slots=True, eq=False)
class DepthNetwork:
    """A network that estimates depth.

    Attributes
    ----------
    name : str
        For people.
    network : Dpt
    rule : DepthInput
        What it takes and gives.
    weights : Path
        Its file.
    """

    name: str
    network: Dpt
    rule: DepthInput
    weights: Path


def load_depth_source(source: str | Path, *, max_depth: float | None = None) -> DepthNetwork:
    """Load a network that estimates depth.

    Parameters
    ----------
    source
        A name of the weights catalogue (`dvemap weights list`), a .pth or .safetensors file as published, a
        folder with config.json, preprocessor_config.json and model.safetensors, or an id on the Hugging Face
        hub such as depth-anything/Depth-Anything-V2-Metric-Indoor-Small-hf.
    max_depth
        The farthest that a metric network can say, metres, where neither its file nor its name tells.

    Raises
    ------
    CheckpointError
        It is none of these, its weights are not on this computer, or it is another network.
    OSError
        A file cannot be read.
    """
    path, name = Path(source), str(source)
    if path.is_dir():
        return _of_folder(path, path.resolve().name, max_depth)
    if path.is_file():
        return _of_file(path, path.name, None, max_depth)
    file_like = path.suffix.lower() in SUFFIXES
    if name.count("/") == 1 and name[0] not in "./~" and not file_like:
        return _of_folder(_fetched(name), name, max_depth)
    if path.name != name or file_like:
        raise CheckpointError(f"{name}: no such file or directory")
    weights, reach = _published(name)
    if max_depth not in (None, reach):
        known = "has no range to choose" if reach is None else f"reaches {reach:g} m"
        raise CheckpointError(f"{name} {known}, got max_depth {max_depth:g}; leave it out")
    return _of_file(weights, name, name, reach)


def input_rule(config: DptConfig) -> DepthInput:
    """Return what a network takes and gives, by its family."""
    if config.vit.patch == 14:
        return DEPTH_INPUTS["depth-anything" if config.vit.position == "offset" else "depth-anything-hf"]
    return DEPTH_INPUTS["dpt-toolbox" if config.project else "dpt"]


def _of_file(path: Path, name: str, variant: str | None, max_depth: float | None) -> DepthNetwork:
    from student.checkpoints.dpt_file import load_depth_network

    network = load_depth_network(path, name=variant, max_depth=max_depth)
    return DepthNetwork(name, network, input_rule(network.config), path)


def _of_folder(folder: Path, name: str, max_depth: float | None) -> DepthNetwork:
    from student.checkpoints.dpt_file import load_depth_network

    missing = [file for file in (CONFIG, PREPROCESSOR, WEIGHTS) if not (folder / file).is_file()]
    if missing:
        raise CheckpointError(
            f"{folder} is no Depth Anything that can be loaded ({missing[0]} is missing); expected a folder "
            f"with {CONFIG}, {PREPROCESSOR} and {WEIGHTS}"
        )
    network = load_depth_network(folder, max_depth=max_depth)
    return DepthNetwork(name, network, _read_rule(folder / PREPROCESSOR), folder / WEIGHTS)


def _read_rule(path: Path) -> DepthInput:
    """Read the rule of a Hugging Face folder."""
    try:
        said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        sides = {int(said["size"][side]) for side in ("height", "width")}
        mean, std = (tuple(map(float, said[part])) for part in ("image_mean", "image_std"))
        multiple = int(said["ensure_multiple_of"])
        kept = said.get("keep_aspect_ratio", False), said.get("resample", _BICUBIC)
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: expected the settings of a DPTImageProcessor: {error!r}") from error
    if len(sides) != 1 or kept != (True, _BICUBIC) or (len(mean), len(std)) != (3, 3):
        raise CheckpointError(
            f"{path}: expected one side, keep_aspect_ratio true and bicubic resampling ({_BICUBIC}), as "
            f"Depth Anything has them, got sides {sorted(sides)}, {kept[0]} and {kept[1]}"
        )
    return replace(
        DEPTH_INPUTS["depth-anything-hf"],
        side=sides.pop(),
        multiple=multiple,
        mean=(mean[0], mean[1], mean[2]),
        std=(std[0], std[1], std[2]),
    )


def _fetched(repository: str) -> Path:
    """Return the folder of a network of the Hugging Face hub, from its cache or fetched."""
    import huggingface_hub

    utils: Any = huggingface_hub.utils  # its switches for progress bars are not declared
    quiet = utils.are_progress_bars_disabled()
    utils.disable_progress_bars()
    try:
        names = (CONFIG, PREPROCESSOR, WEIGHTS)
        files = [huggingface_hub.hf_hub_download(repository, name) for name in names]
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise CheckpointError(
            f"{repository} is no Depth Anything that can be loaded ({reason}); expected a folder with "
            f"{CONFIG}, {PREPROCESSOR} and {WEIGHTS}, an id on the Hugging Face hub, or a name of "
            "`dvemap weights list`"
        ) from error
    finally:
        if not quiet:
            utils.enable_progress_bars()
    return Path(files[-1]).parent


def _published(name: str) -> tuple[Path, float | None]:
    """Return the weights of a name of the catalogue, and how far it reaches."""
    from student import weights
    from student.checkpoints.kind import Kind

    known = [entry.name for entry in weights.CATALOGUE.values() if entry.kind is Kind.DEPTH]
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"the known ones are {', '.join(known)}"
        raise CheckpointError(f"there is no file, folder or published estimator of depth {name!r}; {hint}")
    found = weights.find(name)
    if found is None:
        raise CheckpointError(
            f"the weights of {name} are not in {weights.weights_folder()}; fetch them with: dvemap weights "
            f"pull {name}, or take them from a file with: dvemap weights import FILE"
        )
    return found, weights.CATALOGUE[name].max_depth
