"""Generative Latent Optimization with a class code and a content code for every image.

The library's face; everything else is in the modules that it is imported from.

    Recipe      every number that defines a model
    same_hand   the recipe whose conversions keep the style
    grid        recipes for every combination of loss, noise level and seed
    load        images by the name of a data set, or from a folder
    Digits      labelled images
    train       recipes and images in, trained models out
    Glo         a trained model: reconstruct, convert, scratch
"""

from glo_core.data import Digits, load
from glo_core.model import Glo
from glo_core.recipe import Recipe, grid, same_hand
from glo_core.runs.trainers import train

__version__ = "0.1.0"
__all__ = ["Digits", "Glo", "Recipe", "grid", "load", "same_hand", "train"]
