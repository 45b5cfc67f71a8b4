import pytest

from reports.show.names import sigma_name, slug


@pytest.mark.parametrize(
    ("sigma", "name"),
    [
        (0, "0"),
        (1e-100, "10⁻¹⁰⁰"),
        (1e-5, "10⁻⁵"),
        (3e-3, "3·10⁻³"),
        (0.1, "0.1"),
        (1000, "1000"),
        (1e38, "10³⁸"),
    ],
)
def test_sigma_is_written_as_people_write_it(sigma, name):
    assert sigma_name(sigma) == name


def test_a_losss_name_can_be_part_of_a_label():
    assert slug("l1+l2") == "l1-l2"
