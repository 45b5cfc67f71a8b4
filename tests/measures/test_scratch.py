"""How legible planted images from scratch are."""

from types import SimpleNamespace

import torch

from glo_core.measures import scratch


def test_every_random_code_has_its_own_rate(monkeypatch):
    """A planted model whose images are legible in the classes below the rank of their code."""
    monkeypatch.setattr(scratch, "draw", lambda _, prior, count: torch.arange(count)[:, None])
    monkeypatch.setattr(scratch, "predictions", lambda _, images: images)
    glo = SimpleNamespace(
        class_table=torch.zeros(4, 1),
        content_table=None,
        decode=lambda classes, codes: torch.where(classes < codes[:, 0], classes, -1),
    )
    digits = SimpleNamespace(class_names=tuple("abcd"))
    found = scratch.measure(SimpleNamespace(glo=glo, judge=None, digits=digits))
    assert found.keys() == {"scratch_gaussian", "scratch_normal"}
    for rates in found.values():
        assert rates["cases"] == 4
        assert rates["rates"] == [0, 0.25, 0.5, 0.75] + [1] * (scratch.DRAWS - 4)
