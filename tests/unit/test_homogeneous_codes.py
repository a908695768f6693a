"""A map of homogeneous codes answers what a map of whole embeddings answers, and is smaller."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import student
from mapping import FusionSettings, VoxelMap
from mapping.labels import Classifier, label_cells, linear_probe, prototypes
from mapping.query import scores
from sequences import open_sequence
from student.inference.codes_network import CodesNetwork
from student.preprocessing import DEPTH_STATISTICS, Preprocessing, normalise

SIZE = (224, 320)
CLASSES = 40
NYU = DEPTH_STATISTICS["nyuv2"]

# Every pixel counts in full, so that no cell is known by a few 1/256 of an observation alone, where the
# fixed-point steps of the sums are all there is.
EQUAL = FusionSettings(range_weight=False, incidence_weight=False)


@pytest.mark.shared
def test_map_of_codes_answers_as_a_map_of_embeddings(
    shared_dir: Path, deterministic: SimpleNamespace
) -> None:
    network = deterministic.fill(student.build("dveformer-reducedres")).eval()
    fast = CodesNetwork(network, SIZE, NYU)
    assert fast.code_dim == 513
    assert fast.head is not None
    of_codes = VoxelMap(0.05, 513, head=fast.head, space=space("codes"), settings=EQUAL)
    of_embeddings = VoxelMap(0.05, 768, space=space("embeddings"), settings=EQUAL)
    sequence = open_sequence(shared_dir / "data" / "hololens", stride=60)
    for index in range(3):
        frame = sequence[index]
        rgb, depth = Preprocessing(SIZE).resize(frame.rgb_on_depth(), frame.depth)
        with torch.inference_mode():
            codes = fast(torch.from_numpy(rgb)[None], torch.from_numpy(depth)[None])[0].numpy()
            raw = network(*(torch.from_numpy(image)[None] for image in normalise(rgb, depth, NYU)))[0]
            unit = torch.nn.functional.normalize(raw, dim=0).permute(1, 2, 0).half().contiguous().numpy()
        scale = np.diag([SIZE[1] / frame.depth.shape[1], SIZE[0] / frame.depth.shape[0], 1.0])
        for voxel_map, values in ((of_codes, codes), (of_embeddings, unit)):
            voxel_map.integrate(depth, scale @ frame.intrinsics, frame.T_world_camera, codes=values)
    assert len(of_codes) > 4000

    texts = deterministic.uniform("texts", (CLASSES, 768), -1, 1)
    by_codes, by_embeddings = scores(of_codes, texts), scores(of_embeddings, texts)
    assert np.abs(by_codes - by_embeddings).max() < 1e-4
    assert by_embeddings.std() > 0.01

    probe = linear_probe(deterministic.tensor("linear_probing_head.weight", (CLASSES, 768, 1, 1)))
    means = prototypes(deterministic.uniform("means", (CLASSES, 768), -1, 1))
    for classifier in (probe, means):
        compare_labels(of_codes, of_embeddings, classifier)

    saved = 1 - of_codes.code.nbytes / of_embeddings.code.nbytes
    assert saved == pytest.approx(1 - 513 / 768)
    assert saved > 0.33


def compare_labels(of_codes: VoxelMap, of_embeddings: VoxelMap, classifier: Classifier) -> None:
    """Check scores of all cells, and labels wherever the two best classes are not closer than the error."""
    one, other = label_cells(of_codes, classifier), label_cells(of_embeddings, classifier)
    assert np.abs(one.score - other.score).max() < 1e-4
    assert np.abs(one.margin - other.margin).max() < 2e-4
    labelled = other.label > 0
    decided = labelled & (other.margin > 2e-4)
    assert decided.sum() > 0.95 * labelled.sum() > 1000
    np.testing.assert_array_equal(one.label[decided], other.label[decided])


def space(name: str) -> dict[str, object]:
    return {"name": name, "dimension": 768, "text_encoder": None}
