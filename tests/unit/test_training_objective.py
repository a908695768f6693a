"""The loss of some pixels: which are drawn, what is computed of them, and where it is 0."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from student.networks.config import StudentConfig
from student.networks.dveformer import build
from student.training.config import LossConfig
from student.training.loss import cosine_loss
from student.training.objective import Chosen, Objective

LUT = functional.normalize(torch.tensor([[1.0, 0, 0], [0.8, 0.6, 0], [0, 0, 1]]), dim=1)


def index() -> torch.Tensor:
    """Two images of 40 pixels: one with segments of 30, 6 and 0 pixels and 4 void, one all void."""
    first = torch.zeros(40, dtype=torch.int32)
    first[4:34], first[34:] = 1, 2
    return torch.stack([first, torch.zeros_like(first)]).reshape(2, 5, 8)


def test_all_pixels_are_the_published_loss() -> None:
    embeddings = torch.randn(2, 3, 5, 8, generator=torch.Generator().manual_seed(0))
    objective = Objective(LossConfig())
    assert objective.choose(index()) is None
    assert objective(embeddings, LUT, index(), None) == cosine_loss(embeddings, LUT, index())[0]


@pytest.mark.parametrize(("balance", "share"), [(0.0, 6 / 36), (1.0, 1 / 2)])
def test_draws_have_targets_and_are_balanced(balance: float, share: float) -> None:
    torch.manual_seed(0)
    places = Objective(LossConfig(pixels=4000, balance=balance)).choose(index())
    assert places is not None
    rows = index().flatten()[places]
    assert len(places) == 4000  # the second image has none
    assert int(rows.min()) == 1
    assert float((rows == 2).float().mean()) == pytest.approx(share, abs=0.03)


def test_terms_by_hand() -> None:
    config = LossConfig(pixels=1, cosine=0.5, contrast=2.0, temperature=0.3)
    embedding = torch.tensor([[0.2, -0.4, 0.9]]) * 5
    places = torch.tensor([34])  # the target is row 1
    z, lut = (embedding[0] / embedding[0].norm()).numpy().astype(float), LUT.numpy().astype(float)

    def softmax(values: np.ndarray) -> np.ndarray:
        return np.asarray(np.exp(values) / np.exp(values).sum())

    wanted, found = softmax(lut @ lut[1] / 0.3), softmax(lut @ z / 0.3)
    expected = 0.5 * (1 - z @ lut[1]) + 2 * (wanted * np.log(wanted / found)).sum()
    assert float(Objective(config)(embedding, LUT, index(), places)) == pytest.approx(expected, rel=1e-5)


def test_it_is_0_at_the_targets_however_alike_they_are() -> None:
    places = torch.arange(4, 40)
    rows = index().flatten()[places].long() - 1
    embeddings = (3 * LUT[rows]).requires_grad_()
    total = Objective(LossConfig(pixels=36, contrast=1.0))(embeddings, LUT, index(), places)
    total.backward()  # type: ignore[no-untyped-call]
    assert float(total.detach()) == pytest.approx(0, abs=1e-4)
    assert embeddings.grad is not None
    assert float(embeddings.grad.abs().max()) < 1e-5


@pytest.mark.parametrize("upsamplings", [0, 1])
def test_chosen_pixels_are_embedded_as_in_the_whole(tiny_config: StudentConfig, upsamplings: int) -> None:
    config = tiny_config.model_copy(update={"upsamplings": upsamplings})
    torch.manual_seed(0)
    module = Chosen(build(config)).eval()
    rgb, depth = torch.randn(2, 3, 32, 64), torch.randn(2, 1, 32, 64)
    places = torch.tensor([5, 3, 200, 5])
    with torch.no_grad():
        whole = module(rgb, depth)
        some = module(rgb, depth, places)
    expected = whole.permute(0, 2, 3, 1).reshape(-1, whole.shape[1])[places]
    torch.testing.assert_close(some, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "fault"),
    [({"contrast": 1.0}, "set pixels to draw some"), ({"pixels": 4, "cosine": 0}, "nothing to learn")],
)
def test_terms_that_do_not_fit(settings: dict[str, float], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        LossConfig(**settings)
