"""Build an encoder folder from a DeepLabV3+ network trained on ADE20K.

The network knows 150 classes and no language. Its codes are posteriors p over the classes, and the head
holds the text embeddings T_k of their names, so a cell's embedding is the mixture sum_k p_k T_k: a query
matches as well as its words match the names of the classes seen there. It finds "couch" where the network
saw a sofa, and tells nothing apart that the 150 names do not.

    python -m student.adeseg SOURCE OUT
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Final

import numpy as np

from student.errors import EncoderError
from student.onnx_config import FILE_NAME, ImageInput, OnnxConfig, Output
from student.text import load_text_encoder

MODEL: Final = "deeplabv3_mnv2_ade20k.onnx"
NAMES: Final = "ade20k_names.json"


def build_adeseg(source: str | Path, out: str | Path, text_encoder: str = "minilm") -> None:
    """Write an encoder folder.

    Parameters
    ----------
    source
        Holds deeplabv3_mnv2_ade20k.onnx (input (1, 3, 513, 513); output "logits", (1, 151, 129, 129),
        channel 0 the background) and ade20k_names.json, the names of the channels.
    out
        The folder to make.
    text_encoder
        What `load_text_encoder` takes.

    Raises
    ------
    EncoderError
        A file is missing or does not fit.
    """
    source, out = Path(source), Path(out)
    for name in (MODEL, NAMES):
        if not (source / name).is_file():
            raise EncoderError(f"{source / name}: no such file; expected the folder with {MODEL} and {NAMES}")
    names: list[str] = json.loads((source / NAMES).read_text(encoding="utf-8"))
    if len(names) != 151:
        raise EncoderError(f"{source / NAMES} must list 151 names, the background first, got {len(names)}")
    config = OnnxConfig(
        name=f"{text_encoder}-posteriors-ade20k",
        model="model.onnx",
        image=ImageInput(
            name="image", size=(513, 513), policy="letterbox", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)
        ),
        output=Output(name="logits", align_corners=True, drop_channels=(0,), softmax=True),
        head="head.npy",
        text_encoder=text_encoder,
    )
    head = load_text_encoder(text_encoder).encode(names[1:]).T
    out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source / MODEL, out / config.model)
    np.save(out / str(config.head), np.ascontiguousarray(head))
    (out / FILE_NAME).write_text(config.model_dump_json(indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="build an encoder folder from a DeepLabV3+ of ADE20K")
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--text-encoder", default="minilm")
    arguments = parser.parse_args()
    build_adeseg(arguments.source, arguments.out, arguments.text_encoder)
