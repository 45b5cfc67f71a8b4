"""Networks that read content codes from pictures: LORD's second stage, and a conditional VAE."""

import time
from collections.abc import Callable
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Adam

from glo_core.data import Digits
from glo_core.generator import GLOBAL_STREAM, seeded_plain
from glo_core.model import Glo, History, panel
from glo_core.recipe import Recipe


def encoder_of(recipe: Recipe, classes: int) -> nn.Sequential:
    """A recipe's encoder as it starts: pictures to content codes.

    LORD's sees the picture alone, (B, 1, 28, 28), and names one code (B, content_dim). The
    variational one sees a plane of ones for its class as well, (B, 1 + classes, 28, 28), and gives
    mean and log variance, (B, 2·content_dim).
    """
    variational = recipe.encoder == "variational"
    planes = classes if variational else 0
    outputs = recipe.content_dim * (2 if variational else 1)
    with GLOBAL_STREAM, torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        return nn.Sequential(
            nn.Conv2d(1 + planes, 16, 5, stride=2),  # (B, 16, 12, 12)
            nn.ReLU(),
            nn.Conv2d(16, 32, 5, stride=2),  # (B, 32, 4, 4)
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(512, 128),
            nn.ReLU(),
            nn.Linear(128, outputs),
        )


def inputs(network: nn.Sequential, images: Tensor, labels: Tensor) -> Tensor:
    """(B, 28, 28) images and (B,) labels as this encoder takes them: (B, 1 + classes, 28, 28)."""
    classes = network.get_parameter("0.weight").shape[1] - 1
    if not classes:
        return images[:, None]
    planes = F.one_hot(labels, classes)[:, :, None, None].expand(-1, -1, 28, 28)
    return torch.cat([images[:, None], planes.to(images.dtype)], 1)


@torch.inference_mode()
def encode(network: nn.Sequential, images: Tensor, labels: Tensor, content_dim: int) -> Tensor:
    """The content codes read from (M, 28, 28) images of (M,) classes: (M, content_dim)."""
    codes: Tensor = network(inputs(network, images, labels))[:, :content_dim]
    return codes


def with_encoder(glo: Glo, digits: Digits) -> Glo:
    """LORD's second stage: a network learns to read the trained content codes from the pictures.

    As Gabbay & Hoshen (2020) do, it is to find the image's code and one that redraws the image; as
    the content codes are what is measured, generator and codes stay as they are here. It is trained
    for as many epochs as the codes were.
    """
    recipe = glo.recipe
    network = encoder_of(recipe, len(digits.class_names))
    adam = Adam(network.parameters(), lr=recipe.learning_rate)
    # In units of the codes' own spread: about 1 where nothing is read.
    variance = glo.content_table.var(0).mean()
    random = torch.Generator().manual_seed(recipe.seed)
    for _ in range(recipe.epochs):
        for index in torch.randperm(len(digits), generator=random).split(recipe.batch_size):
            images, labels = digits.images[index], digits.labels[index]
            content = network(inputs(network, images, labels))
            drawn = glo.network(torch.cat([glo.class_table[labels], content], 1))[:, 0]
            missed = (content - glo.content_table[index]).square().mean() / variance
            adam.zero_grad()
            (missed + (drawn - images).abs().mean()).backward()
            adam.step()
    return replace(glo, encoder=network.eval().requires_grad_(False))


def variational(
    recipe: Recipe, digits: Digits, on_epoch: Callable[[int, int, float], None] | None = None
) -> Glo:
    """A conditional variational autoencoder with the same decoder and class codes.

    Kingma & Welling (2014), conditional on the class as in Sohn, Lee & Yan (2015). The likelihood
    is a Laplace distribution whose scale is always the best one for the batch, which leaves no
    weight between reconstruction and prior to be tuned (Rybkin, Daniilidis & Levine 2021). The
    content table of the model holds the posterior means.
    """
    started = time.perf_counter()
    network = encoder_of(recipe, len(digits.class_names))
    random = torch.Generator().manual_seed(recipe.seed)
    decoder = seeded_plain(recipe.class_dim + recipe.content_dim, recipe.seed)
    class_table = torch.randn(len(digits.class_names), recipe.class_dim, generator=random)
    class_table.requires_grad_()
    adam = Adam([*network.parameters(), *decoder.parameters(), class_table], recipe.learning_rate)
    shown = panel(digits.labels)
    everything = torch.arange(len(digits.class_names))
    draw = torch.randn(recipe.content_dim, generator=random).expand(len(everything), -1)
    losses, pictures = [], []
    for epoch in range(recipe.epochs):
        decoder.train()
        total = 0.0
        for index in torch.randperm(len(digits), generator=random).split(recipe.batch_size):
            images, labels = digits.images[index], digits.labels[index]
            mean, log_variance = network(inputs(network, images, labels)).chunk(2, 1)
            noise = torch.randn(mean.shape, generator=random)
            content = mean + noise * (log_variance / 2).exp()
            drawn = decoder(torch.cat([class_table[labels], content], 1))[:, 0]
            error = (drawn - images).abs().mean()
            apart = (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean() / 2
            adam.zero_grad()
            (images[0].numel() * error.log() + apart).backward()
            adam.step()
            total += error.item() * len(index)
        decoder.eval()
        content = encode(network, digits.images, digits.labels, recipe.content_dim)
        classes = torch.cat([digits.labels[shown], everything])
        with torch.inference_mode():
            codes = torch.cat([class_table[classes], torch.cat([content[shown], draw])], 1)
            pictures.append((decoder(codes)[:, 0] * 255).round().byte())
        losses.append(total / len(digits))
        if on_epoch:
            on_epoch(1, epoch + 1, losses[-1])
    frames = torch.stack(pictures)
    return Glo(
        recipe=recipe,
        network=decoder.requires_grad_(False),
        class_table=class_table.detach(),
        content_table=content.clone(),
        labels=digits.labels,
        encoder=network.eval().requires_grad_(False),
        history=History(
            losses=torch.tensor(losses),
            panel=frames[:, : len(shown)].clone(),
            scratch=frames[:, len(shown) :].clone(),
            indices=shown,
            moved=0.0,
            seconds=time.perf_counter() - started,
            threads=torch.get_num_threads(),
        ),
    )
