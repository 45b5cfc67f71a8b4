"""Every prior on planted codes: what it must follow, and what it cannot."""

import pytest
import torch

from glo_core.priors import PRIORS, draw

COUNT, DRAWS, DIM = 2000, 2000, 5


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def scaled():
    """Codes that left N(0, 1) far behind, in every dimension by another factor."""
    return normal(COUNT, DIM) * torch.tensor([0.01, 0.1, 1, 10, 100]) + torch.arange(DIM)


def correlated():
    """The second number of each code is the first one with a little noise on it."""
    codes = normal(COUNT, DIM)
    codes[:, 1] = codes[:, 0] + 0.1 * codes[:, 1]
    return codes


def bimodal():
    """Half of the codes around -5, half around 5, with nothing in between."""
    return 0.5 * normal(COUNT, DIM) + 5 * (1 - 2 * (torch.arange(COUNT) % 2))[:, None]


def shares_of_modes(codes):
    """How many codes lie where the bimodal ones do: the shares around -5 and around 5."""
    return [((codes - 5 * sign).abs() < 2.5).all(1).float().mean().item() for sign in (-1, 1)]


@pytest.mark.parametrize("prior", PRIORS)
def test_draws_are_float32_of_the_codes_width_the_same_each_time_and_other_for_other_seeds(prior):
    codes = bimodal()
    first = draw(codes, prior, 100, seed=3)
    assert first.shape == (100, DIM)
    assert first.dtype == torch.float32
    assert torch.equal(first, draw(codes.clone(), prior, 100, seed=3))
    assert not torch.isclose(first, draw(codes, prior, 100, seed=4)).any(1).all()


@pytest.mark.parametrize("prior", ["diagonal", "gaussian", "mixture"])
@pytest.mark.parametrize("planted", [scaled, correlated, bimodal])
def test_fitted_priors_keep_the_codes_means_and_variances(prior, planted):
    codes = planted()
    draws = draw(codes, prior, DRAWS)
    scale = codes.std(0)
    torch.testing.assert_close(draws.mean(0) / scale, codes.mean(0) / scale, rtol=0, atol=0.1)
    torch.testing.assert_close(draws.std(0), scale, rtol=0.07, atol=0)


def test_the_normal_prior_knows_nothing_of_the_codes():
    draws = draw(scaled(), "normal", DRAWS)
    torch.testing.assert_close(draws.mean(0), torch.zeros(DIM), rtol=0, atol=0.1)
    torch.testing.assert_close(draws.std(0), torch.ones(DIM), rtol=0, atol=0.07)
    assert torch.equal(draws, draw(bimodal(), "normal", DRAWS))


@pytest.mark.parametrize(
    ("prior", "low", "high"),
    [
        ("normal", -0.1, 0.1),
        ("diagonal", -0.1, 0.1),
        ("gaussian", 0.98, 1),
        ("mixture", 0.98, 1),
    ],
)
def test_only_full_covariances_keep_correlations(prior, low, high):
    found = torch.corrcoef(draw(correlated(), prior, DRAWS).T)[0, 1]
    assert low < found < high


def test_only_the_mixture_keeps_to_two_modes():
    for prior in PRIORS:
        low, high = shares_of_modes(draw(bimodal(), prior, DRAWS))
        if prior == "mixture":
            assert low == pytest.approx(0.5, abs=0.05)
            assert low + high > 0.99
        else:
            assert low + high < 0.8


def test_draws_of_the_mixture_come_in_no_order():
    first, last = (shares_of_modes(half) for half in draw(bimodal(), "mixture", DRAWS).chunk(2))
    assert first == pytest.approx(last, abs=0.08)


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("count", [1, 2, 10, 60, 120])
@pytest.mark.parametrize("scale", [1e-3, 1, 1e3])
def test_few_codes_are_enough(prior, count, scale):
    draws = draw(scale * normal(count, 25), prior, 20)
    assert draws.isfinite().all()


@pytest.mark.parametrize("prior", PRIORS)
def test_codes_that_never_differ_are_no_error(prior):
    draws = draw(torch.ones(200, 25), prior, 20)
    if prior == "normal":
        assert draws.std() == pytest.approx(1, abs=0.1)
    else:
        torch.testing.assert_close(draws, torch.ones(20, 25), rtol=0, atol=0.01)


def test_an_unknown_prior_is_an_error_that_names_the_known_ones():
    with pytest.raises(ValueError, match=r"'uniform'.*'normal', 'diagonal', 'gaussian', 'mixture'"):
        draw(normal(10, 2), "uniform", 1)
