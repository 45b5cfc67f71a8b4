"""What the introduction says of the digits, the network and the models: facts and pictures."""

from collections.abc import Iterable
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from glo_core.model import History
from glo_core.recorder import PANEL_SEED
from reports.show.live import MOVED, SPREAD, decoder, walks
from reports.show.mosaics import mosaic
from reports.show.names import sigma_name
from reports.study import Study

# Training images of each class that are shown, at most, and that the live decoder offers.
SHOWN, OFFERED = 12, 2


def facts(study: Study) -> dict[str, Any]:
    """The facts of every part."""
    source, target = (study.digits.class_names[label] for label in study.pair)
    return {
        "parameters": study.parameters,
        "recipe": study.swept(),
        "sigmas": study.sigmas,
        "source": source,
        "target": target,
        "directions": MOVED,
        "spread": SPREAD,
        "data_source": study.digits.source,
        "hint": study.hint,
        "panel_seed": PANEL_SEED,
        **sizes(study),
    }


def sizes(study: Study) -> dict[str, float]:
    """How large the study is: the numbers that the results hold."""
    minutes = processor_minutes(glo.history for glo in study.models.values())
    return {
        "shown_per_class": shown_per_class(study.digits.labels),
        "images": len(study.digits),
        "judge_images": len(study.splits.judge),
        "test_images": len(study.splits.test),
        "weights": weights(study.model().network),
        "models": len(study.models),
        "training_processor_minutes": round(minutes, 2),
    }


def shown_per_class(labels: Tensor) -> int:
    """How many images of each class are shown: SHOWN, or those of the smallest class."""
    return min(SHOWN, int(labels.bincount().min()))


def weights(network: nn.Module) -> int:
    """How many numbers training can change in a network."""
    return sum(weight.numel() for weight in network.parameters())


def processor_minutes(histories: Iterable[History]) -> float:
    """The time that all threads together needed to train some models."""
    return sum(history.seconds * history.threads for history in histories) / 60


# --- pictures ------------------------------------------------------------------------------------


def live_decoder(study: Study) -> tuple[str, Image.Image]:
    """The live decoder with the models of every noise level, and a still picture for paper."""
    names, (source, target) = study.digits.class_names, study.pair
    images = torch.cat([study.pick(label, OFFERED) for label in range(len(names))])
    first = study.digits.labels[images].tolist().index(source)
    html = decoder(
        {sigma_name(sigma): study.model(sigma=sigma) for sigma in study.sigmas},
        images,
        study.digits,
        start=study.sigmas.index(study.parameters.chosen_sigma),
        image=first,
        target=target,
    )
    rows = [f"{names[source]} to {names[target]}"]
    rows += [f"direction {k + 1}" for k in range(MOVED)]
    return html, mosaic(walks(study.model(), int(images[first]), target), rows=rows)


def training_images(study: Study) -> Image.Image:
    """Training images of each class, a row each."""
    digits, count = study.digits, shown_per_class(study.digits.labels)
    picked = [digits.images[study.pick(k, count)] for k in range(len(digits.class_names))]
    return mosaic(torch.stack(picked), rows=digits.class_names)
