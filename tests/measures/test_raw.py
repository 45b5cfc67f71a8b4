"""The forms of results, as JSON holds them."""

import json

import numpy as np
import torch

from glo_core.measures.raw import of_draws, of_images, of_rates


def test_values_are_kept_one_by_one_with_five_significant_digits():
    values = [0, 1, 1 / 3, 1234.567, 1.23456789e-7]
    kept = [0, 1, 0.33333, 1234.6, 1.2346e-7]
    assert of_images(np.array(values)) == of_images(torch.tensor(values)) == {"images": kept}
    assert of_rates(np.array(values), 9) == {"rates": kept, "cases": 9}
    assert of_draws(iter(values)) == {"draws": kept}
    assert json.loads(json.dumps(of_images(torch.tensor([True, False])))) == {"images": [1, 0]}
