"""The names of noise levels, losses and probes, as every reader sees them."""

LOSS_NAMES = {"l1": "L1", "l2": "L2", "l1+l2": "L1+L2", "laplacian": "Laplacian"}
PROBE_NAMES = {"linear": "linear", "knn": "kNN", "mlp": "MLP", "svm": "SVM", "qda": "QDA"}
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def sigma_name(sigma: float) -> str:
    """A noise level as people write it: 0, 10⁻¹⁰⁰, 0.1, 1000, 10³⁸."""
    if sigma == 0 or 0.01 <= sigma < 1e6:
        return f"{sigma:g}"
    mantissa, exponent = f"{sigma:e}".split("e")
    factor = "" if float(mantissa) == 1 else f"{float(mantissa):g}·"
    return f"{factor}10{str(int(exponent)).translate(SUPERSCRIPTS)}"


def slug(loss: str) -> str:
    """A loss's name as part of a label: l1-l2."""
    return loss.replace("+", "-")
