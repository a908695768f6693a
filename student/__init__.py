"""Encoders: networks and labels that turn images into codes, and the text encoders that ask for them."""

import importlib
from typing import TYPE_CHECKING, Any

from student.cached_encoder import CachedEncoder as CachedEncoder
from student.encoder import Encoder as Encoder
from student.errors import CheckpointError as CheckpointError
from student.errors import EncoderError as EncoderError
from student.label_encoder import LabelEncoder as LabelEncoder
from student.onnx_encoder import OnnxEncoder as OnnxEncoder
from student.probe import Probe as Probe
from student.probe import load_probe as load_probe
from student.probe import load_visual_means as load_visual_means
from student.space import EmbeddingSpace as EmbeddingSpace
from student.text import TextEncoder as TextEncoder
from student.text import load_text_encoder as load_text_encoder

if TYPE_CHECKING:
    from student.checkpoints import load_backbone as load_backbone
    from student.checkpoints import load_checkpoint as load_checkpoint
    from student.checkpoints import save_checkpoint as save_checkpoint
    from student.depth_estimator import DepthEstimator as DepthEstimator
    from student.depth_estimator import open_depth_estimator as open_depth_estimator
    from student.networks.config import StudentConfig as StudentConfig
    from student.networks.dveformer import DVEFormer as DVEFormer
    from student.networks.dveformer import build as build
    from student.opening import open_student as open_student
    from student.student_encoder import StudentEncoder as StudentEncoder

# What needs torch is imported when it is first asked for.
_LATER = {
    "DVEFormer": "student.networks.dveformer",
    "DepthEstimator": "student.depth_estimator",
    "StudentConfig": "student.networks.config",
    "StudentEncoder": "student.student_encoder",
    "build": "student.networks.dveformer",
    "load_backbone": "student.checkpoints",
    "load_checkpoint": "student.checkpoints",
    "open_depth_estimator": "student.depth_estimator",
    "open_student": "student.opening",
    "save_checkpoint": "student.checkpoints",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(importlib.import_module(_LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
