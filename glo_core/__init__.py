"""Generative Latent Optimization with a class code and a content code for every image.

The library's face; everything else is in the modules that it is imported from. `docs/python.md`
shows each in use.

    Recipe          every number that defines a model
    same_hand       the recipe whose conversions keep the style
    grid            recipes for every combination of loss, noise level and seed
    load            images by the name of a data set, or from a folder
    Digits          labelled images
    train           recipes and images in, trained models out
    Glo             a trained model: reconstruct, convert, scratch, decode
    fit_codes       content codes of images that the model was not trained on
    classify        the classes of such images
    draw_codes      random content codes, from a prior that is fitted to the learned ones
    save_model      writes one model as a file or a folder, to hand on
    open_model      opens it again: the model and the names of its classes
    ModelFileError  why it cannot be opened

Two modules need more than PyTorch and are imported by name: `glo_core.onnx` exports networks to
ONNX, and `glo_core.estimator` is a classifier for scikit-learn.
"""

from glo_core.data import Digits, load
from glo_core.measures.fitting import classify
from glo_core.measures.fitting import fit as fit_codes
from glo_core.model import Glo
from glo_core.priors import draw as draw_codes
from glo_core.provenance import __version__
from glo_core.recipe import Recipe, grid, same_hand
from glo_core.runs.sharing import ModelFileError, open_model, save_model
from glo_core.runs.trainers import train

__all__ = [
    "Digits",
    "Glo",
    "ModelFileError",
    "Recipe",
    "__version__",
    "classify",
    "draw_codes",
    "fit_codes",
    "grid",
    "load",
    "open_model",
    "same_hand",
    "save_model",
    "train",
]
