import numpy as np
import pytest

from mapping import readout
from mapping.labels import label_cells, label_vertices, linear_probe, prototypes

FLAT = np.array([[-1500, -1500, 0], [1500, -1500, 0], [-1500, 1500, 0], [1500, 1500, 0]])


def test_prototypes_take_the_largest_cosine_whatever_their_length(make_map):
    cells = make_map(np.arange(9).reshape(3, 3), [[0.9, 0.1], [0.1, 0.9], [0, 0]])
    labels = label_cells(cells, prototypes([[5, 0], [0, 0.1]], ids=[7, 3]))
    assert labels.label.tolist() == [7, 3, 0]
    np.testing.assert_allclose(labels.score, [0.9 / np.hypot(0.9, 0.1)] * 2 + [0], atol=1e-4)
    np.testing.assert_allclose(labels.margin, [0.8 / np.hypot(0.9, 0.1)] * 2 + [0], atol=1e-4)
    assert labels.coverage == pytest.approx(2 / 3)


def test_a_linear_probe_reads_the_unit_embedding(make_map):
    rng = np.random.default_rng(0)
    codes, head = rng.uniform(-0.5, 0.5, (40, 6)), rng.standard_normal((8, 6))
    weight, bias = rng.standard_normal((5, 8)), rng.standard_normal(5)
    cells = make_map(np.arange(120).reshape(40, 3), codes, head=head)
    labels = label_cells(cells, linear_probe(weight[:, :, None, None], bias))
    logits = readout.embedding(cells) @ weight.T + bias
    assert labels.label.tolist() == (logits.argmax(axis=1) + 1).tolist()
    np.testing.assert_allclose(labels.score, logits.max(axis=1), atol=1e-4)


def test_a_bias_alone_labels_no_cell_without_embedding(make_map):
    cells = make_map([[0, 0, 0]], [[0, 0]])
    assert label_cells(cells, linear_probe(np.eye(2), [1, 2])).label.tolist() == [0]


def test_a_probe_of_one_class(make_map):
    assert label_cells(make_map([[0, 0, 0]], [[1, 0]]), prototypes([[1, 1]])).label.tolist() == [1]


def test_vertices_take_the_label_of_the_surface_they_lie_on(make_map):
    cells = make_map([[0, 0, 0], [1, 0, 0]], np.eye(2), points=[FLAT, FLAT], cell_size=0.1)
    vertices = [[0.15, 0.05, 0.05], [0.05, 0.05, 0.051], [0.5, 0, 0], [0.04, 0.05, 0.05]]
    labels = label_vertices(cells, prototypes(np.eye(2)), vertices)
    assert labels.label.tolist() == [2, 1, 0, 1]
    assert labels.coverage == 0.75
    assert labels.score[2] == 0


def test_a_mixture_is_decided_by_the_weighted_scores(make_map):
    """Half way between two cells the clearer one decides; the best cell alone would be a coin toss."""
    codes = [[1.0, 0.0], [0.7, 0.714]]
    cells = make_map([[0, 0, 0], [1, 0, 0]], codes, points=[FLAT, FLAT], cell_size=0.1)
    vertex = [[0.1001, 0.05, 0.05]]
    classes = prototypes(np.eye(2))
    assert label_vertices(cells, classes, vertex, mix=1).label.tolist() == [2]
    assert label_vertices(cells, classes, vertex).label.tolist() == [1]


def test_vertices_skip_cells_without_an_embedding(make_map):
    cells = make_map([[0, 0, 0], [1, 0, 0]], [[0, 0], [0, 1]], points=[FLAT, FLAT], cell_size=0.1)
    labels = label_vertices(cells, prototypes(np.eye(2)), [[0.05, 0.05, 0.05]])
    assert labels.label.tolist() == [2]
    assert label_vertices(cells, prototypes(np.eye(2)), [[0.05, 0.05, 0.05]], max_distance=0.05).label[0] == 0


def test_no_vertices_and_an_empty_map(make_map):
    empty = make_map(np.zeros((0, 3)), np.zeros((0, 2)))
    classes = prototypes(np.eye(2))
    assert label_cells(empty, classes).label.shape == (0,)
    assert label_vertices(empty, classes, [[0, 0, 0]]).label.tolist() == [0]
    assert label_vertices(empty, classes, np.zeros((0, 3))).coverage == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 2],), r"weight must be \(K, D\)"),
        ((np.eye(2), [1, 2, 3]), r"bias must be \(2,\)"),
        ((np.eye(2), None, [1, 0]), "ids must be > 0"),
        ((np.eye(2) * np.nan,), "finite"),
    ],
)
def test_wrong_probes_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        linear_probe(*arguments)


def test_a_classifier_of_another_space_and_a_map_without_codes_are_refused(make_map):
    with pytest.raises(ValueError, match="embeddings of 3 numbers like those of the map, got 2"):
        label_cells(make_map([[0, 0, 0]], [[1, 0, 0]]), prototypes(np.eye(2)))
    with pytest.raises(ValueError, match="holds no embeddings"):
        label_cells(make_map([[0, 0, 0]]), prototypes(np.eye(2)))
    with pytest.raises(ValueError, match="class 2 of norm 0"):
        prototypes([[1, 0], [0, 0]])
