import pytest

from glo_core.measures.intervals import Proportion
from reports.answers.scratch import Legibility, SharedStyle, legibility, overlap
from reports.answers.text import Text

LOW, MIDDLE, HIGH = Proportion(0.2, 0.1, 0.3), Proportion(0.35, 0.25, 0.45), Proportion(0.9, 0.8, 1)
SHARED, BY_CHANCE = SharedStyle(0.3, -0.1), SharedStyle(0.15, -0.1)


def found(gaussian=HIGH, normal=LOW, conversion=HIGH):
    return Legibility(0.1, gaussian, normal, conversion, 1000, LOW)


def words(part, **facts):
    return Text("scratch").part(part, {"loss": "l1", "sigma": 0.1, **facts})


def test_intervals_overlap_unless_one_is_above_the_other():
    assert overlap(LOW, MIDDLE)
    assert overlap(MIDDLE, LOW)
    assert overlap(LOW, LOW)
    assert not overlap(LOW, HIGH)
    assert not overlap(HIGH, MIDDLE)


def test_the_chosen_and_the_highest_noise_level_are_picked():
    picked = legibility([0, 0.1, 1000], 0.1, [HIGH, MIDDLE, LOW], [LOW] * 3, [HIGH] * 3)
    assert picked == Legibility(0.1, MIDDLE, LOW, HIGH, 1000, LOW)


def test_the_prior_matters_only_where_the_intervals_are_apart():
    apart = words("priors", found=found(), moved=0.25)
    assert "90.0% (80.0–100.0%) of the digits whose code comes from the fitted Gaussian" in apart
    assert "N(0, 1): where the code is drawn from matters. At σ = 1000 20.0%" in apart
    alike = words("priors", found=found(LOW, MIDDLE), moved=0.25)
    assert "the intervals overlap, so here it makes no difference that we could show." in alike
    assert "moved by 25% of their length" in alike
    assert "matters. At" not in alike


@pytest.mark.parametrize(
    ("facts", "style", "said"),
    [
        (found(), SHARED, "in 90.0% of cases, as often as conversions of real images (90.0%)"),
        (found(conversion=LOW), SHARED, "in 90.0% of cases, more often than conversions"),
        (found(LOW), SHARED, "in 20.0% of cases, less often than conversions"),
        (found(), SHARED, "rather than from N(0, 1) changes that. The digits"),
        (found(normal=HIGH), SHARED, "makes no difference that we could show. The digits"),
        (found(), SHARED, "The digits of one code share some of their style: in two classes"),
        (found(), SHARED, "correlate by 0.30 on average, those of different codes by −0.10, and"),
        (found(), BY_CHANCE, "That the digits of one code share a style cannot be shown: in two"),
    ],
)
def test_the_answer_changes_when_the_numbers_do(facts, style, said):
    text = words("answer", found=facts, style=style)
    assert said in text
    assert "\n" not in text


def test_figures_of_losses_have_captions_of_their_own_and_no_others():
    text = Text("scratch")
    of_loss, _ = text.caption("fig-scratch-l1-l2", {"loss": "l1+l2"})
    assert "every noise level σ, L1+L2" in of_loss
    epochs, alt = text.caption("fig-scratch-epochs", {"loss": "l1", "sigma": 0.1})
    assert (
        epochs == "One random content code with every class code, after each epoch (L1, σ = 0.1)."
    )
    assert alt == "A row of images from scratch, a frame for each epoch."
