"""Batches drawn on the device: the loader is the data set (the habit of cifar10-airbench)."""

import torch


class Stream:
    """An endless stream of index batches over `n` items: one random permutation after another, no item left out.

    A batch may span two permutations, so every batch is full and a small set simply comes round more often. The
    stream has a generator of its own, so what a model draws (dropout, latents) never changes the order of the data.
    """

    def __init__(self, n: int, batch_size: int, seed: int, device: torch.device) -> None:
        self.n = n
        self.batch_size = batch_size
        self.generator = torch.Generator(device).manual_seed(seed)
        self.queue = torch.empty(0, dtype=torch.int64, device=device)

    def next(self) -> torch.Tensor:
        """Return the next indices, int64 (batch_size,)."""
        while len(self.queue) < self.batch_size:
            order = torch.randperm(self.n, generator=self.generator, device=self.queue.device)
            self.queue = torch.cat((self.queue, order))
        batch, self.queue = self.queue[: self.batch_size], self.queue[self.batch_size :]
        return batch


def normalise(images: torch.Tensor) -> torch.Tensor:
    """Map uint8 images (B, C, H, W) to float32 in [-1, 1], grey repeated to three channels, in channels_last."""
    scaled = images.to(memory_format=torch.channels_last).float() / 127.5 - 1
    return scaled.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)


def to_uint8(images: torch.Tensor) -> torch.Tensor:
    """Map float images in [-1, 1] to uint8, the inverse of `normalise` up to rounding."""
    return ((images.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
