import pytest

from reports.answers.epochs import AcrossNoise, Learning
from reports.answers.text import Text

FALLING = Learning(errors=[0.5, 0.2, 0.1], variety=[0.1, 0.2, 0.4])
FLAT_AT_THE_END = Learning(errors=[0.5, 0.1, 0.1], variety=[0.4, 0.2, 0.1])
RISING = Learning(errors=[0.1, 0.2], variety=[0.1, 0.2])
ONE_EPOCH = Learning(errors=[0.5], variety=[0.25])
SIGMAS = [0.0, 1.0, 10.0]
RISING_ERROR = AcrossNoise(SIGMAS, variety=[0.9, 0.4, 0.01], errors=[0.1, 0.2, 0.3])
MIXED_ERROR = AcrossNoise(SIGMAS, variety=[0.4, 0.9, 0.6], errors=[0.3, 0.1, 0.2])


def words(part, learning=FALLING, noise=RISING_ERROR):
    facts = {"loss": "l1", "sigma": 0.1, "epochs": len(learning.errors)}
    return Text("epochs").part(part, facts | {"learning": learning, "noise": noise})


def test_half_of_the_improvement_is_reached_in_the_first_epoch_at_or_below_the_middle():
    assert FALLING.half == 2
    assert Learning([0.5, 0.3, 0.1], [0, 0, 0]).half == 2  # exactly in the middle
    assert Learning([0.5, 0.4, 0.1], [0, 0, 0]).half == 3


@pytest.mark.parametrize(
    ("learning", "said", "unsaid"),
    [
        (FALLING, "reached after epoch 2 of 3 (L1); at the end the curve still falls.", "no impr"),
        (FLAT_AT_THE_END, "reached after epoch 2 of 3 (L1).", "still falls."),
        (RISING, "The last error is not below the first (L1)", "Half"),
        (ONE_EPOCH, "The last error is not below the first (L1)", "Half"),
    ],
)
def test_the_improvement_is_told_as_the_errors_show_it(learning, said, unsaid):
    text = words("improvement", learning)
    assert said in text
    assert unsaid not in text
    assert "\n" not in text


def test_a_class_is_below_a_bound_from_the_noise_level_on_after_which_all_are():
    assert (RISING_ERROR.below_half, RISING_ERROR.below_twentieth) == (1, 10)
    assert MIXED_ERROR.below_half is None  # the first level is below, but not those after it
    all_below = AcrossNoise(SIGMAS, [0.04, 0.03, 0.02], [0, 0, 0])
    assert (all_below.below_half, all_below.below_twentieth) == (0, 0)


@pytest.mark.parametrize(
    ("variety", "said"),
    [
        ([0.9, 0.4, 0.01], "From σ = 1 on, the reconstructions of a class keep less than half of"),
        ([0.9, 0.4, 0.01], "variety, and from σ = 10 on less than a twentieth, so that all images"),
        ([0.9, 0.4, 0.01], "of a class are reconstructed alike (L1, @fig-sharpness-variety)."),
        ([0.9, 0.4, 0.3], "keep less than half of the real images' variety (L1, @fig-sharp"),
        ([0.9, 0.8, 0.7], "There is no noise level from which on the reconstructions"),
    ],
)
def test_the_lost_variety_is_told_as_far_as_it_goes(variety, said):
    assert said in words("variety", noise=AcrossNoise(SIGMAS, variety, [0, 0, 0]))


def test_the_answer_follows_the_panel_and_the_noise():
    text = words("answer")
    assert "At first all reconstructions of a class are much alike" in text
    assert (
        "have 10.0% of the real images' variety within a class; after the last they have 40.0%"
        in text
    )
    assert "from 0.500 to 0.100, half of the way by epoch 2 (L1, σ = 0.1)." in text
    assert "More noise leaves the reconstructions further" in text
    assert text.endswith("(rank correlation with σ 1.00).")


@pytest.mark.parametrize(
    ("learning", "noise", "said", "unsaid"),
    [
        (FLAT_AT_THE_END, RISING_ERROR, "do not come to differ more", "much alike"),
        (RISING, RISING_ERROR, "from 0.100 to 0.200 (L1, σ = 0.1).", "half of the way"),
        (ONE_EPOCH, RISING_ERROR, "nothing can be said of how", "Their error goes"),
        (FALLING, MIXED_ERROR, "does not always leave", "noise leaves"),
        (FALLING, MIXED_ERROR, "(rank correlation with σ −0.50)", "noise leaves"),
        (
            FALLING,
            AcrossNoise([1.0], [0.5], [0.1]),
            "With one noise level there is nothing",
            "More",
        ),
    ],
)
def test_the_answer_changes_when_the_numbers_do(learning, noise, said, unsaid):
    text = words("answer", learning, noise)
    assert said in text
    assert unsaid not in text
    assert "\n" not in text
