"""Which class a probe's output stands for: the list's order, or the names that the probe brings."""

from pathlib import Path

import numpy as np
import pytest

from dvemap.labelling import classifier_for
from mapping import VoxelMap, class_list, make_class_list


@pytest.fixture
def voxel_map() -> VoxelMap:
    made = VoxelMap(0.1, 4, space={"name": "test", "dimension": 4, "text_encoder": None})
    K = np.array([[20.0, 0, 4], [0, 20.0, 4], [0, 0, 1]])
    made.integrate(np.ones((8, 8), np.float32), K, np.eye(4), codes=np.ones((8, 8, 4), np.float16))
    return made


def probe(path: Path, classes: int, names: list[str] | None = None) -> Path:
    weight = np.arange(classes * 4, dtype=np.float32).reshape(classes, 4)
    extra = {} if names is None else {"names": np.array(names)}
    np.savez(path, weight=weight, **extra)
    return path


def test_names_of_a_probe_are_found_in_the_list(tmp_path: Path, voxel_map: VoxelMap) -> None:
    path = probe(tmp_path / "two.npz", 2, ["sofa", "chair"])
    classifier, classes = classifier_for(voxel_map, class_list("scannet-20"), probe=path)
    nyu40 = class_list("scannet-20")
    assert classes.names == ("sofa", "chair")
    assert classifier.ids.tolist() == [nyu40.id_of("sofa"), nyu40.id_of("chair")]


def test_a_name_that_is_not_in_the_list_is_refused(tmp_path: Path, voxel_map: VoxelMap) -> None:
    path = probe(tmp_path / "odd.npz", 2, ["sofa", "zeppelin"])
    with pytest.raises(ValueError, match=r"class 'zeppelin' is not in the list 'scannet-20'.*--classes"):
        classifier_for(voxel_map, class_list("scannet-20"), probe=path)


def test_without_a_list_the_probe_names_its_classes(tmp_path: Path, voxel_map: VoxelMap) -> None:
    path = probe(tmp_path / "own.npz", 2, ["sofa", "zeppelin"])
    classifier, classes = classifier_for(voxel_map, None, probe=path)
    assert (classes.names, classifier.ids.tolist()) == (("sofa", "zeppelin"), [1, 2])


def test_a_probe_without_names_takes_those_of_the_list(tmp_path: Path, voxel_map: VoxelMap) -> None:
    three = make_class_list("three", ["a", "b", "c"], [7, 3, 5])
    classifier, _ = classifier_for(voxel_map, three, probe=probe(tmp_path / "p.npz", 3))
    assert classifier.ids.tolist() == [7, 3, 5]
    with pytest.raises(ValueError, match="has 2 classes, the list 'three' has 3"):
        classifier_for(voxel_map, three, probe=probe(tmp_path / "q.npz", 2))
