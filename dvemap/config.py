"""The settings of a fusion run: typed, documented, read from one YAML file and `--set a.b=c`.

The resolved configuration travels in the provenance of the map it made.
"""

from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from dvemap.defaults import DEFAULT_ENCODER
from dvemap.settings import known_names, put_assignments, put_value, read_yaml, validate


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class SequenceConfig(_Section):
    """How the input is read."""

    format: str | None = Field(None, description="format name; recognised from the files if absent")
    start: int = Field(0, ge=0, description="first frame")
    stop: int | None = Field(None, ge=0, description="frame to stop before; all if absent")
    stride: int = Field(1, ge=1, description="take every n-th frame")
    depth_scale: float | None = Field(None, gt=0, description="depth units per metre")
    intrinsics: str | None = Field(None, description="fx,fy,cx,cy in pixels of the depth image, or a file")
    pose_convention: (
        Literal["camera-to-world", "world-to-camera", "opengl", "opengl-world-to-camera"] | None
    ) = Field(None, description="what the poses of the files are")
    depth_folder: str = Field("depth", description="folder of depth images in exported ScanNet layout")
    pose_folder: str | None = Field(
        None, description="folder of poses in exported ScanNet layout; by default the one of the depth folder"
    )


class DepthConfig(_Section):
    """Where depth comes from that no camera measured."""

    source: str | None = Field(
        None,
        description="estimator of depth from colour: a name of `dvemap weights list`, a file of weights, a "
        "folder or an id of the Hugging Face hub; none if absent",
    )
    device: str | None = Field(None, description="cpu, cuda, cuda:1; cuda where there is one if absent")
    side: int = Field(640, ge=32, description="longest side of the depth images, pixels")
    max_depth: float | None = Field(
        None, gt=0, description="farthest that a metric estimator can say, metres, where its file tells not"
    )
    fit: bool = Field(False, description="scale metric estimates to the measured depth of their frame")
    cache: str | None = Field(None, description="folder to keep estimates in")


class MapConfig(_Section):
    """What one frame does to the map."""

    cell_size: float = Field(0.05, gt=0, description="edge of a cell, metres")
    depth_min: float = Field(0.1, ge=0, description="nearer depth is ignored, metres")
    depth_max: float = Field(10.0, gt=0, description="farther depth is ignored, metres")
    range_weight: bool = Field(True, description="far pixels count less")
    range_full: float = Field(1.5, gt=0, description="up to here the range weight is 1, metres")
    incidence_weight: bool = Field(True, description="pixels on grazing surfaces count less")
    incidence_floor: float = Field(0.1, ge=0, le=1, description="least incidence weight")
    edge_weight: bool = Field(True, description="pixels on depth edges do not count")
    edge_jump: float = Field(0.04, gt=0, description="relative depth difference that makes an edge")
    occupancy: bool = Field(True, description="carve free space by ray traversal")


class EncoderConfig(_Section):
    """Where the codes come from."""

    name: str = Field(
        DEFAULT_ENCODER,
        description="home: the student that comes with dvemap; none, labels, another network of `dvemap "
        "weights list`, a checkpoint, or a folder with student.json or encoder.json",
    )
    text_encoder: str = Field(
        "minilm", description="text encoder of the class names of `labels` and of segmentation networks"
    )
    stride: int = Field(2, ge=1, description="`labels`: one code every n-th pixel")
    runtime: Literal["auto", "onnx", "torch", "torch-compiled", "tensorrt"] = Field(
        "auto", description="what runs a student; auto: torch on a GPU, else ONNX Runtime"
    )
    device: Literal["cpu", "cuda"] | None = Field(
        None, description="where a student runs; chosen by its runtime if absent"
    )
    size: str | None = Field(
        None,
        pattern=r"^\d+x\d+$",
        description="height x width that a student sees, pixels, multiples of 32; that it was judged or "
        "trained at, else 480x640, if absent",
    )
    depth_statistics: str | None = Field(
        None,
        description="what a student's depth is normalised with: nyuv2, sunrgbd, scannet or hypersim; that "
        "of its training, else nyuv2, if absent",
    )
    precision: Literal["fp32", "tf32", "fp16", "bf16", "int8"] | None = Field(
        None, description="of a student's matrix products; fp32, or that of the exported folder, if absent"
    )
    finest: bool = Field(
        False,
        description="codes for all pixels that a student tells apart, not one per 4x4; `eval frames` sets it",
    )
    hide: Literal["color", "depth"] | None = Field(
        None, description="what a network is not shown, to see what it makes of the rest"
    )
    threads: int = Field(0, ge=0, description="threads of a network; 0 lets its runtime choose")
    cache: str | None = Field(None, description="folder to keep a network's codes in")


class RunConfig(_Section):
    """How the run goes."""

    threads: int = Field(1, ge=1, description="threads that update the map")
    decode_threads: int = Field(2, ge=1, description="threads that decode frames")
    checkpoint_seconds: float = Field(60.0, gt=0, description="time between checkpoints, seconds")
    max_bad: float = Field(0.2, ge=0, le=1, description="share of unusable frames that fails the run")
    trust: bool = Field(False, description="skip the look at the sequence before fusing")


class FuseConfig(_Section):
    """Everything `dvemap fuse` can be told."""

    sequence: SequenceConfig = SequenceConfig()
    depth: DepthConfig = DepthConfig()
    map: MapConfig = MapConfig()
    encoder: EncoderConfig = EncoderConfig()
    run: RunConfig = RunConfig()


def load_config(path: Path | None, overrides: dict[str, Any], assignments: list[str]) -> FuseConfig:
    """Build the configuration of a run.

    Parameters
    ----------
    path : Path or None
        A YAML file with any part of the settings.
    overrides : dict
        Dotted name to value, from command-line flags; `None` values are left out.
    assignments : list of str
        `a.b=c` settings; they win over the file and the flags.

    Returns
    -------
    FuseConfig

    Raises
    ------
    ValueError
        For an unknown name (with the nearest known one) or a value out of its range.
    """
    tree = {} if path is None else read_yaml(path)
    validate(FuseConfig, tree, str(path))
    for name, value in overrides.items():
        if value is not None:
            put_value(tree, name, value)
    put_assignments(tree, assignments)
    return validate(FuseConfig, tree, "the command line")


def with_shorthands(config: FuseConfig, settings: dict[str, Any]) -> FuseConfig:
    """Change single settings of a configuration by their bare names.

    Parameters
    ----------
    config : FuseConfig
    settings : dict
        `encoder`, `depth_from`, or the name of a setting of the sequence, the map or the run, to its value.

    Returns
    -------
    FuseConfig

    Raises
    ------
    TypeError
        If there is no such setting.
    ValueError
        If a value is out of its range.
    """
    dotted = [known.split(".") for known in known_names(FuseConfig)]
    places = {name: section for section, name in dotted if section not in ("encoder", "depth")}
    tree = config.model_dump()
    for name, value in settings.items():
        if name == "encoder":
            tree["encoder"]["name"] = str(value)
        elif name == "depth_from":
            tree["depth"]["source"] = None if value is None else str(value)
        elif name in places:
            tree[places[name]][name] = value
        else:
            known = ["encoder", "depth_from", *sorted(places)]
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}"
            raise TypeError(f"fuse() has no setting {name!r}; {hint}")
    return validate(FuseConfig, tree, "fuse()")
