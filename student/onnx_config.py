"""encoder.json: how images go into an ONNX network and codes come out."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Final, Literal

import pydantic
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import ErrorDetails

from student.errors import EncoderError

FILE_NAME: Final = "encoder.json"
Three = tuple[float, float, float]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class ImageInput(_Part):
    """The colour image: (1, 3, h, w) float32, RGB."""

    name: str = Field(description="input tensor of the network")
    size: tuple[int, int] | None = Field(
        default=None, description="height and width in pixels; none with policy keep"
    )
    policy: Literal["letterbox", "squash", "keep"] = Field(
        description="letterbox: keep the aspect ratio, image in the top left corner, rest filled; "
        "squash: stretch to size; keep: feed the image as it is"
    )
    mean: Three = Field(description="subtracted from RGB in 0..1")
    std: Three = Field(description="RGB in 0..1, less the mean, is divided by this")
    fill: float = Field(default=0.0, description="value of the letterbox's rest, after mean and std")

    @pydantic.model_validator(mode="after")
    def _check(self) -> ImageInput:
        if (self.size is None) != (self.policy == "keep"):
            raise ValueError(
                f"size must be given unless the policy is keep, got {self.size} with {self.policy}"
            )
        if self.size is not None and min(self.size) < 1:
            raise ValueError(f"size must be >= 1 pixel, got {self.size}")
        if min(self.std) <= 0:
            raise ValueError(f"std must be > 0, got {self.std}")
        return self


class DepthInput(_Part):
    """The depth image: (1, 1, h, w) float32, laid out as the colour image, nearest neighbour."""

    name: str = Field(description="input tensor of the network")
    mean: float = Field(default=0.0, description="metres, subtracted from valid depth")
    std: float = Field(default=1.0, gt=0, description="metres, valid depth less the mean is divided by this")
    invalid: float = Field(
        default=0.0, description="value of pixels without depth, and of the letterbox's rest"
    )


class Output(_Part):
    """The tensor that codes are made of: (1, K, h, w)."""

    name: str = Field(description="output tensor of the network")
    align_corners: bool = Field(
        default=False,
        description="whether the corners of output and input share their centres, not their edges",
    )
    drop_channels: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        default=(), description="channels left out, before the softmax"
    )
    softmax: bool = Field(default=False, description="codes are posteriors: softmax over the channels")
    append_one: bool = Field(
        default=False, description="append the constant 1, for a head with a bias as last column"
    )
    normalize: bool = Field(default=False, description="divide each code so that its embedding has norm 1")


class OnnxConfig(_Part):
    """What encoder.json holds."""

    name: str = Field(min_length=1, description="name of the embedding space; maps of one name can be merged")
    model: str = Field(default="model.onnx", description="file in this folder")
    image: ImageInput
    depth: DepthInput | None = Field(default=None, description="none if the network sees colour alone")
    output: Output
    head: str | None = Field(
        default=None,
        description="npy or safetensors file in this folder: (D, C); none: codes are embeddings",
    )
    text_encoder: str | None = Field(
        default=None, description='text encoder whose vectors compare, such as "minilm"'
    )
    code_scale: float = Field(default=65536.0, gt=0, description="fixed-point steps of 1.0 in a sum of codes")
    stride: int = Field(
        default=4, ge=1, description="depth pixels a code; reduced where it does not divide the image"
    )


def read_config(folder: Path) -> OnnxConfig:
    """Read the encoder.json of a folder.

    Raises
    ------
    EncoderError
        There is none, or it is wrong; unknown keys are errors and say what was probably meant.
    """
    path = folder / FILE_NAME
    try:
        return OnnxConfig.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise EncoderError(
            f"{folder} is no encoder folder: it must hold {FILE_NAME} and an ONNX model"
        ) from None
    except pydantic.ValidationError as error:
        problems = "; ".join(_explain(fault) for fault in error.errors())
        raise EncoderError(f"{path}: {problems}") from None


def _explain(fault: ErrorDetails) -> str:
    place = ".".join(str(part) for part in fault["loc"])
    if fault["type"] != "extra_forbidden":
        return f"{place}: {fault['msg']}" if place else str(fault["msg"])
    near = difflib.get_close_matches(str(fault["loc"][-1]), _keys_at(fault["loc"][:-1]), n=1)
    return f"unknown key {place!r}" + (f", did you mean {near[0]!r}?" if near else "")


def _keys_at(place: tuple[int | str, ...]) -> list[str]:
    parts: dict[str, type[_Part]] = {"image": ImageInput, "depth": DepthInput, "output": Output}
    part = parts[str(place[0])] if place else OnnxConfig
    return list(part.model_fields)
