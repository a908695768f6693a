import numpy as np
import pytest

from dvemap.metrics import confusion_matrix, metrics_of

IDS = [5, 1, 9]


def test_the_confusion_matrix_ignores_unlabelled_truth_and_keeps_missing_predictions():
    truth = [5, 5, 5, 1, 0, 77, 9]
    prediction = [5, 1, 0, 1, 5, 9, 42]
    assert confusion_matrix(truth, prediction, IDS).tolist() == [[1, 1, 0, 1], [0, 1, 0, 0], [0, 0, 0, 1]]


def test_metrics_by_hand():
    result = metrics_of([[6, 2, 0, 2], [1, 4, 0, 0], [0, 0, 0, 0]])
    np.testing.assert_allclose(result.iou, [6 / 11, 4 / 7, np.nan])
    np.testing.assert_allclose(result.recall, [0.6, 0.8, np.nan])
    assert result.miou == pytest.approx((6 / 11 + 4 / 7) / 2)
    assert result.macc == pytest.approx(0.7)
    assert result.fmiou == pytest.approx((10 * 6 / 11 + 5 * 4 / 7) / 15)
    assert result.accuracy == pytest.approx(10 / 15)
    assert result.coverage == pytest.approx(13 / 15)


def test_pooling_scenes_is_adding_matrices():
    rng = np.random.default_rng(0)
    truth, prediction = rng.choice([0, 5, 1, 9], (2, 500)), rng.choice([0, 5, 1, 9], (2, 500))
    pooled = sum(confusion_matrix(t, p, IDS) for t, p in zip(truth, prediction, strict=True))
    assert np.array_equal(pooled, confusion_matrix(truth, prediction, IDS))


def test_a_class_predicted_but_never_true_is_left_out_of_the_mean():
    result = metrics_of(confusion_matrix([5, 5], [5, 9], IDS))
    assert result.miou == 0.5
    assert np.isnan(result.iou[1:]).all()


def test_nothing_labelled_is_not_a_number():
    result = metrics_of(confusion_matrix([0], [5], IDS))
    assert np.isnan([result.miou, result.macc, result.fmiou, result.accuracy, result.coverage]).all()


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match="shape of truth"):
        confusion_matrix([1, 2], [1], IDS)
    with pytest.raises(ValueError, match="distinct"):
        confusion_matrix([1], [1], [1, 1])
    with pytest.raises(ValueError, match=r"\(K, K \+ 1\)"):
        metrics_of(np.eye(3))
