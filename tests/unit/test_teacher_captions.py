"""The teacher that reads: whose caption a segment takes."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from student.data.sample import Sample
from student.targets import build_targets, panoptic_segments
from student.teacher.captions import CaptionTeacher, read_captions
from student.teacher.errors import TeacherError
from student.text import TextEncoder

WORDS = {"wall": 0, "chair": 1, "a red armchair": 2, "a stool": 3, "photo of chair": 4}
NAMES = ("wall", "chair")


class Vocabulary:
    """A text encoder that gives each phrase an axis of its own."""

    def __init__(self, id: str = "minilm", weights: str = "0123456789abcdef") -> None:
        self.id, self.weights, self.dimension = id, weights, len(WORDS)
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        self.asked += texts
        return np.eye(len(WORDS), dtype=np.float32)[[WORDS[text] for text in texts]]


def teacher(**options: Any) -> CaptionTeacher:
    encoder: Any = options.pop("encoder", Vocabulary())
    return CaptionTeacher(encoder, NAMES, **options)


def said(of: CaptionTeacher, name: str, semantic: list[int], instance: list[int]) -> dict[int, str]:
    images = [np.array([numbers], np.uint16) for numbers in (semantic, instance)]
    image = np.zeros((1, len(semantic), 3), np.uint8)
    sample = Sample(name, image, np.zeros((1, len(semantic)), np.float32), *images)
    ids, segments = panoptic_segments(*images, (False, True))
    embedded = of.embed(name, sample, ids, segments)
    assert not embedded.image.any()
    table = build_targets(ids, embedded.segments, embedded.image)  # context has no share in it
    np.testing.assert_allclose(table.lut, np.stack(list(embedded.segments.values())), atol=1e-7)
    words = list(WORDS)
    return {segment: words[int(vector.argmax())] for segment, vector in embedded.segments.items()}


def test_class_names_where_nobody_said_more() -> None:
    assert said(teacher(), "0", [1, 2, 2], [0, 5, 9]) == {65536: "wall", 131073: "chair", 131074: "chair"}


def test_captions_of_instances() -> None:
    captions = {".": {5: "a red armchair"}}
    made = said(teacher(captions=captions), "flat07/12", [1, 2, 2], [0, 5, 9])
    assert made == {65536: "wall", 131073: "a red armchair", 131074: "chair"}


def test_a_name_shares_in_the_embedding_of_a_caption() -> None:
    reader = teacher(captions={".": {5: "a red armchair"}}, name_share=0.25)
    images = [np.array([numbers], np.uint16) for numbers in ([1, 2, 2], [0, 5, 9])]
    sample = Sample("0", np.zeros((1, 3, 3), np.uint8), np.zeros((1, 3), np.float32), *images)
    ids, segments = panoptic_segments(*images, (False, True))
    embedded = reader.embed("0", sample, ids, segments).segments
    words = list(WORDS)
    mixed = np.zeros(len(words))
    mixed[words.index("a red armchair")], mixed[words.index("chair")] = 3, 1
    np.testing.assert_allclose(embedded[131073], mixed / np.sqrt(10), atol=1e-6)
    assert embedded[131074].argmax() == words.index("chair")
    assert reader.identity != teacher(captions={".": {5: "a red armchair"}}).identity
    with pytest.raises(ValueError, match="name_share must be from 0 to 1, got 2"):
        teacher(name_share=2)


def test_the_nearest_folder_speaks() -> None:
    reader = teacher(captions={"a": {5: "a stool"}, "a/b/3": {5: "a red armchair"}})
    assert said(reader, "a/b/3", [2], [5]) == {131073: "a red armchair"}
    assert said(reader, "a/b/30", [2], [5]) == {131073: "a stool"}
    assert said(reader, "c/3", [2], [5]) == {131073: "chair"}


def test_prompt_is_for_class_names_alone_and_phrases_are_embedded_once() -> None:
    encoder = Vocabulary()
    reader = teacher(encoder=encoder, captions={".": {5: "a stool"}}, prompt="photo of {}")
    for name in ("0", "1"):
        assert said(reader, name, [2, 2], [5, 9]) == {131073: "a stool", 131074: "photo of chair"}
    assert encoder.asked == ["a stool", "photo of chair"]
    with pytest.raises(ValueError, match=r"a prompt must hold \{\} once"):
        teacher(prompt="photo")


def test_names_of_estimators() -> None:
    ids = {
        "minilm": "captions__minilm",
        "openclip:ViT-B-32/laion2b_s34b_b79k": "captions__ViT-B-32-laion2b_s34b_b79k",
        "openclip:ViT-B-32//home/me/clip.pt": "captions__ViT-B-32-01234567",
        "openclip:ViT-B-32/clip.pt": "captions__ViT-B-32-01234567",
    }
    assert {id: teacher(encoder=Vocabulary(id)).estimator for id in ids} == ids


def test_identity_tells_captions_prompts_and_encoders_apart() -> None:
    other = Vocabulary(weights="other")
    options = ({}, {"prompt": "photo of {}"}, {"told": "objects.json"}, {"encoder": other})
    assert len({json.dumps(teacher(**changed).identity) for changed in options}) == 4
    assert teacher().identity == {
        "text encoder": "0123456789abcdef",
        "captions": "class names",
        "prompt": "{}",
    }


def test_files_of_captions(tmp_path: Path) -> None:
    file = tmp_path / "captions.json"
    file.write_text('{"5": "a red armchair", "12": "a stool"}')
    assert read_captions(file) == {".": {5: "a red armchair", 12: "a stool"}}
    file.write_text('{"flat07": {"5": "a stool"}, "flat08": {}}')
    assert read_captions(file) == {"flat07": {5: "a stool"}, "flat08": {}}


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("[1]", "got a list"),
        ("{}", "got nothing"),
        ('{"chair": "a stool"}', "'chair': 'a stool'"),
        ('{"5": ""}', "'5': ''"),
        ('{"5": 7}', "'5': 7"),
        ('{"flat07": {"5": "a stool"}, "6": "a stool"}', "'a stool' beside folders"),
        ("{", "Expecting"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: str, fault: str) -> None:
    (tmp_path / "captions.json").write_text(content)
    with pytest.raises(TeacherError, match=rf"captions\.json: expected captions of instances, .*{fault}"):
        read_captions(tmp_path / "captions.json")


def test_with_a_real_text_encoder() -> None:
    def load() -> Any:
        return lambda texts: np.array([[len(text), 1] for text in texts], np.float32)

    reader = CaptionTeacher(TextEncoder("toy", 2, "w", load), NAMES)
    vectors = reader.embed_texts(["wall", "chair"])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert reader.identity["text encoder"] == "w"
