"""Any ONNX network with a small description beside it is an encoder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from student.disk_cache import file_sha256
from student.encoder import check_frame
from student.errors import EncoderError
from student.onnx_config import DepthInput, ImageInput, OnnxConfig, read_config
from student.resample import output_positions, sample_grid
from student.space import EmbeddingSpace


class OnnxEncoder:
    """An encoder run by ONNX Runtime.

    Parameters
    ----------
    folder
        Holds encoder.json (see `student.onnx_config`), the model and perhaps the head.
    threads
        Of the network; 0 lets ONNX Runtime choose. With the same number the same computer returns the same
        codes.
    providers
        Execution providers of ONNX Runtime, in order of preference.

    Raises
    ------
    EncoderError
        The folder or the model in it cannot be used.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        threads: int = 0,
        providers: Sequence[str] = ("CPUExecutionProvider",),
    ) -> None:
        if threads < 0:
            raise ValueError(f"threads must be >= 0, got {threads}")
        self.folder = Path(folder)
        self.config = read_config(self.folder)
        self._session = _open(self.folder / self.config.model, self.config, threads, providers)
        head = None if self.config.head is None else _read_head(self.folder / self.config.head)
        channels = self._code_channels()
        if head is not None and channels is not None and head.shape[1] != channels:
            raise EncoderError(
                f"{self.folder / str(self.config.head)} must be (D, {channels}), since codes have {channels} "
                f"numbers; got {head.shape}"
            )
        dimension = channels if head is None else head.shape[0]
        if dimension is None:
            raise EncoderError(f"{self.folder}: the output has no fixed number of channels; add a head")
        self._space = EmbeddingSpace(
            self.config.name, dimension, head, self.config.text_encoder, self.config.code_scale
        )
        # Lengths of embeddings are those of the square factor R of head = Q R, which is smaller.
        self._factor: npt.NDArray[np.float32] | None = None if head is None else np.linalg.qr(head)[1]

    @property
    def space(self) -> EmbeddingSpace:
        """The embedding space of the codes."""
        return self._space

    @property
    def code_dim(self) -> int:
        """Length C of a code."""
        return self._space.code_dim

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the description, the model and the head."""
        names = [self.config.model] + ([self.config.head] if self.config.head else [])
        parts = [file_sha256(self.folder / name) for name in names]
        description = json.dumps(self.config.model_dump(), sort_keys=True)
        return hashlib.sha256("\n".join([description, *parts]).encode()).hexdigest()

    def encode(self, rgb: npt.NDArray[np.uint8], depth: npt.NDArray[np.float32]) -> npt.NDArray[np.float16]:
        """Encode one frame, as `student.encoder.Encoder` says.

        Raises
        ------
        ValueError
            An image has the wrong shape or type.
        EncoderError
            The network rejects the input or returns numbers that are not finite.
        """
        check_frame(rgb, depth)
        content, padded = self._layout(rgb.shape[:2])
        feeds = {self.config.image.name: _image_tensor(self.config.image, rgb, content, padded)}
        if self.config.depth is not None:
            feeds[self.config.depth.name] = _depth_tensor(self.config.depth, depth, content, padded)
        try:
            raw = self._session.run([self.config.output.name], feeds)[0]
        except Exception as error:  # ONNX Runtime raises its own types, which share no other base
            raise EncoderError(f"{self.folder / self.config.model}: {error}") from error
        if raw.ndim != 4 or raw.shape[0] != 1:
            raise EncoderError(f"{self.config.output.name} must be (1, K, h, w), got {raw.shape}")
        grid = [
            output_positions(*lengths, align_corners=self.config.output.align_corners)
            for lengths in zip(
                depth.shape, [self.config.stride] * 2, content, padded, raw.shape[2:], strict=True
            )
        ]
        return self._codes(sample_grid(raw[0].astype(np.float32, copy=False), *grid))

    def _layout(self, size: tuple[int, ...]) -> tuple[tuple[int, int], tuple[int, int]]:
        """Height and width of the resized image, and of the network's input."""
        image = self.config.image
        height, width = size
        if image.size is None:
            return (height, width), (height, width)
        if image.policy == "squash":
            return image.size, image.size
        scale = min(image.size[0] / height, image.size[1] / width)
        return (max(1, round(height * scale)), max(1, round(width * scale))), image.size

    def _codes(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float16]:
        output = self.config.output
        if output.drop_channels:
            values = np.delete(values, output.drop_channels, axis=2)
        if output.softmax:
            values = np.exp(values - values.max(axis=2, keepdims=True))
            values /= values.sum(axis=2, keepdims=True)
        if output.append_one:
            values = np.concatenate([values, np.ones_like(values[..., :1])], axis=2)
        if output.normalize:
            embedding = values if self._factor is None else values @ self._factor.T
            values = values / np.maximum(np.linalg.norm(embedding, axis=2, keepdims=True), 1e-12)
        if values.shape[2] != self.code_dim:
            raise EncoderError(
                f"{self.folder}: codes must have {self.code_dim} numbers, got {values.shape[2]}"
            )
        with np.errstate(over="ignore"):
            codes = values.astype(np.float16)
        if not np.isfinite(codes).all():
            raise EncoderError(f"{self.folder / self.config.model} returned codes beyond half floats, or NaN")
        return codes

    def _code_channels(self) -> int | None:
        """Numbers of a code as the model declares its output, or None if it does not."""
        output = self.config.output
        shape = next(o.shape for o in self._session.get_outputs() if o.name == output.name)
        if len(shape) != 4 or not isinstance(shape[1], int):
            return None
        if any(channel >= shape[1] for channel in output.drop_channels):
            raise EncoderError(
                f"{self.folder}: drop_channels must be below {shape[1]}, the channels of the output, "
                f"got {list(output.drop_channels)}"
            )
        return shape[1] - len(set(output.drop_channels)) + output.append_one


def _image_tensor(
    config: ImageInput, rgb: npt.NDArray[np.uint8], content: tuple[int, int], padded: tuple[int, int]
) -> npt.NDArray[np.float32]:
    resized = cv2.resize(rgb, content[::-1], interpolation=cv2.INTER_LINEAR).astype(np.float32)
    mean, std = np.array(config.mean, np.float32), np.array(config.std, np.float32)
    values = ((resized / 255 - mean) / std).astype(np.float32)
    return _pad(values, padded, config.fill)


def _depth_tensor(
    config: DepthInput, depth: npt.NDArray[np.float32], content: tuple[int, int], padded: tuple[int, int]
) -> npt.NDArray[np.float32]:
    resized = cv2.resize(depth, content[::-1], interpolation=cv2.INTER_NEAREST)
    valid = np.isfinite(resized) & (resized > 0)
    values = np.where(valid, (resized - config.mean) / config.std, config.invalid).astype(np.float32)
    return _pad(values[..., None], padded, config.invalid)


def _pad(image: npt.NDArray[np.float32], size: tuple[int, int], fill: float) -> npt.NDArray[np.float32]:
    """Put (h, w, K) into the top left corner of a (1, K, *size) tensor."""
    tensor = np.full((1, image.shape[2], *size), fill, np.float32)
    tensor[0, :, : image.shape[0], : image.shape[1]] = image.transpose(2, 0, 1)
    return tensor


def _open(path: Path, config: OnnxConfig, threads: int, providers: Sequence[str]) -> Any:
    """Start a session and check that it has the tensors that the description names."""
    import onnxruntime

    if not path.is_file():
        raise EncoderError(f"{path}: no such file; an encoder folder holds the model that encoder.json names")
    missing = [name for name in providers if name not in onnxruntime.get_available_providers()]
    if missing:
        raise EncoderError(
            f"this ONNX Runtime has no {', '.join(missing)}, only {onnxruntime.get_available_providers()}"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.use_deterministic_compute = True
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=list(providers))
    except Exception as error:  # ONNX Runtime raises its own types, which share no other base
        raise EncoderError(f"{path} is not a model that ONNX Runtime can run: {error}") from error
    inputs = {tensor.name for tensor in session.get_inputs()}
    wanted = {config.image.name} | ({config.depth.name} if config.depth else set())
    if inputs != wanted:
        raise EncoderError(f"{path} has the inputs {sorted(inputs)}, encoder.json names {sorted(wanted)}")
    outputs = [tensor.name for tensor in session.get_outputs()]
    if config.output.name not in outputs:
        raise EncoderError(f"{path} has the outputs {outputs}, encoder.json names {config.output.name!r}")
    return session


def _read_head(path: Path) -> npt.NDArray[np.float32]:
    """Read the matrix that turns codes into embeddings."""
    try:
        if path.suffix == ".safetensors":
            from safetensors.numpy import load_file

            tensors = load_file(path)
            if len(tensors) != 1:
                raise EncoderError(f"{path} must hold one tensor, got {sorted(tensors)}")
            (head,) = tensors.values()
        else:
            head = np.load(path, allow_pickle=False)
    except EncoderError:
        raise
    except Exception as error:
        raise EncoderError(f"{path} is no readable npy or safetensors file: {error}") from error
    if head.ndim != 2 or not np.issubdtype(head.dtype, np.floating) or not np.isfinite(head).all():
        raise EncoderError(f"{path} must be a (D, C) matrix of finite floats, got {head.dtype} {head.shape}")
    return np.ascontiguousarray(head, np.float32)
