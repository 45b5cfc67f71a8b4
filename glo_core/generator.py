"""The exercise's generator, as plain layers and as K models side by side in one network.

`plain` is the network that the exercise hands out: the reference, and what a trained model keeps.
`Generator` computes the same function for K models at once, faster by two exact changes:

* **Grouped.** Linear layers become batched matrix products; convolutions and BatchNorm get K·16
  channels, with one group a model, so no model sees another.
* **Folded.** Nearest upsampling repeats each pixel 2×2 times, so a 5×5 convolution behind it meets
  each low-resolution pixel several times. Adding up those weights first gives a 3×3 convolution
  at the low resolution with one output channel for each of the 2×2 positions ("phases"), then a
  pixel shuffle: 2.6 times fewer multiplications over the whole network.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CHANNELS = 16
HIDDEN = (84, 120, CHANNELS * 5 * 5)
# The layers' places in `plain`, which are also the names in a saved model.
LINEARS = (0, 2, 4)
CONV1, NORM, CONV2 = 8, 9, 12


def plain(code_dim: int) -> nn.Sequential:
    """The exercise's network in stock layers: (B, code_dim) codes to (B, 1, 28, 28) in [0, 1]."""
    return nn.Sequential(
        nn.Linear(code_dim, HIDDEN[0]),
        nn.ReLU(),
        nn.Linear(HIDDEN[0], HIDDEN[1]),
        nn.ReLU(),
        nn.Linear(HIDDEN[1], HIDDEN[2]),
        nn.ReLU(),
        nn.Unflatten(1, (CHANNELS, 5, 5)),
        nn.Upsample(scale_factor=2),  # (B, 16, 10, 10)
        nn.ConvTranspose2d(CHANNELS, CHANNELS, 5),  # (B, 16, 14, 14)
        nn.BatchNorm2d(CHANNELS),
        nn.ReLU(),
        nn.Upsample(scale_factor=2),  # (B, 16, 28, 28)
        nn.ConvTranspose2d(CHANNELS, 1, 5, padding=2),  # (B, 1, 28, 28)
        nn.Sigmoid(),
    )


def seeded_plain(code_dim: int, seed: int) -> nn.Sequential:
    """`plain` with PyTorch's default start, drawn from `seed` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return plain(code_dim)


def folding_matrix() -> Tensor:
    """The linear map from a 5×5 transposed convolution's kernel to its four folded 3×3 kernels.

    (25, 36) float32: from the 5×5 taps to 4 phases times 3×3 taps. With an even padding, output
    pixel 2i + phase meets tap t of the (flipped) kernel at low-resolution pixel
    i + (phase + t) // 2, up to a shift, so taps that share that pixel add up.
    """
    axis = torch.zeros(5, 2, 3)  # tap of the transposed kernel, phase, folded tap
    for phase in range(2):
        for tap in range(5):
            axis[4 - tap, phase, (phase + tap) // 2] = 1  # 4 - tap: a transposed kernel is flipped
    return torch.einsum("tpu,sqv->tspquv", axis, axis).reshape(25, 36)


class Generator(nn.Module):
    """K generators side by side. Parameters are stacked over models, in `plain`'s shapes."""

    folding: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, models: list[nn.Sequential]):
        """Stacks the parameters of `models`, all made by `plain` with the same `code_dim`."""
        super().__init__()
        states = [model.state_dict() for model in models]

        def stacked(name: str) -> Tensor:
            return torch.stack([state[name] for state in states])

        self.weights = nn.ParameterDict()
        for name, _ in models[0].named_parameters():
            self.weights[name.replace(".", "_")] = nn.Parameter(stacked(name))
        self.register_buffer("running_mean", stacked(f"{NORM}.running_mean").flatten())  # (K·16,)
        self.register_buffer("running_var", stacked(f"{NORM}.running_var").flatten())
        self.register_buffer("folding", folding_matrix(), persistent=False)

    def forward(self, codes: Tensor) -> Tensor:
        """Draws (K, B, code_dim) codes as (K, B, 28, 28) pictures in [0, 1]."""
        models, batch, _ = codes.shape
        hidden = codes
        for layer in LINEARS:
            weight, bias = self.weights[f"{layer}_weight"], self.weights[f"{layer}_bias"]
            hidden = torch.baddbmm(bias[:, None], hidden, weight.mT).relu()
        hidden = hidden.transpose(0, 1).reshape(batch, models * CHANNELS, 5, 5)
        hidden = self._upsampled_conv(hidden, CONV1, padding=2)  # (B, K·16, 14, 14)
        hidden = F.batch_norm(
            hidden,
            self.running_mean,
            self.running_var,
            self.weights[f"{NORM}_weight"].flatten(),
            self.weights[f"{NORM}_bias"].flatten(),
            training=self.training,
        ).relu()
        pictures = self._upsampled_conv(hidden, CONV2, padding=1)  # (B, K, 28, 28)
        return pictures.sigmoid().transpose(0, 1)

    def _upsampled_conv(self, hidden: Tensor, layer: int, padding: int) -> Tensor:
        """Nearest upsampling ×2 and the 5×5 transposed convolution `layer`, folded into one."""
        weight, bias = self.weights[f"{layer}_weight"], self.weights[f"{layer}_bias"]
        models, ins, outs = weight.shape[:3]
        folded = (weight.flatten(3) @ self.folding).view(models, ins, outs, 4, 3, 3)
        folded = folded.permute(0, 2, 3, 1, 4, 5).reshape(models * outs * 4, ins, 3, 3)
        phases = F.conv2d(
            hidden, folded, bias.flatten().repeat_interleave(4), padding=padding, groups=models
        )
        return F.pixel_shuffle(phases, 2)

    def unstacked(self) -> list[nn.Sequential]:
        """The K models as `plain` networks in eval mode, with weights of their own."""
        models = []
        for k in range(len(self.weights["0_weight"])):
            state = {
                name.replace("_", ".", 1): value[k].detach().clone()
                for name, value in self.weights.items()
            }
            channels = slice(k * CHANNELS, (k + 1) * CHANNELS)
            state[f"{NORM}.running_mean"] = self.running_mean[channels].clone()
            state[f"{NORM}.running_var"] = self.running_var[channels].clone()
            model = plain(state["0.weight"].shape[1])
            # strict=False for BatchNorm's batch counter alone, which a fixed momentum never reads.
            model.load_state_dict(state, strict=False)
            models.append(model.eval())
        return models
