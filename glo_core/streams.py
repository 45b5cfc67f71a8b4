"""Random numbers for models that are trained side by side: each depends on its own seed alone."""

import torch
from torch import Tensor


class Streams:
    """One random stream for each seed; models of equal seed get the same numbers.

    So models that differ only in σ or in the loss start from the same weights and codes, are
    trained on the images in the same order, and get the same noise, scaled by σ.
    """

    def __init__(self, seeds: list[int]):
        distinct = sorted(set(seeds))
        self._generators = [torch.Generator().manual_seed(seed) for seed in distinct]
        self._stream_of_model = torch.tensor([distinct.index(seed) for seed in seeds])

    def normal(self, *shape: int) -> Tensor:
        """Draws from N(0, 1), (K, *shape) float32."""
        draws = [torch.randn(shape, generator=generator) for generator in self._generators]
        return torch.stack(draws)[self._stream_of_model]

    def permutations(self, n: int) -> Tensor:
        """A random order of n things for each model, (K, n) int64."""
        draws = [torch.randperm(n, generator=generator) for generator in self._generators]
        return torch.stack(draws)[self._stream_of_model]

    def integers(self, high: int, *shape: int) -> Tensor:
        """Random integers from 0 to high - 1, (K, *shape) int64."""
        draws = [torch.randint(high, shape, generator=generator) for generator in self._generators]
        return torch.stack(draws)[self._stream_of_model]

    def seeds(self) -> list[int]:
        """A seed for each model's other random parts: K integers from the models' streams."""
        return self.integers(2**32).tolist()
