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

    def state(self) -> dict[str, torch.Tensor]:
        """Return what `load` needs to go on from here."""
        return {"generator": self.generator.get_state(), "queue": self.queue.clone()}

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """Go on where the stream stood that gave `state`."""
        self.generator.set_state(state["generator"])
        self.queue = state["queue"].to(self.queue.device)


class Feed:
    """A data set on its way into training: its tensors whole on the device, its order, and the current batch.

    `batch` holds one tensor for each of `tensors`, (batch_size, ...), and each `draw` fills the same memory anew, as a
    CUDA graph must find it. A set that would take more than half of the device's free memory stays in host memory:
    then each batch is gathered there and copied.
    """

    def __init__(self, tensors: tuple[torch.Tensor, ...], batch_size: int, seed: int, device: torch.device) -> None:
        home = device
        if not fits(tensors, device):
            home = torch.device("cpu")
            size = _bytes(tensors) / 2**20
            print(f"{len(tensors[0])} images ({size:.0f} MB) stay in host memory: {device} has no room", flush=True)
        self.tensors = [tensor.to(home) for tensor in tensors]
        # On the device wherever the images are, so that a set that fits today goes on with one that did not yesterday.
        self.stream = Stream(len(tensors[0]), batch_size, seed, device)
        self.batch = [torch.empty((batch_size, *t.shape[1:]), dtype=t.dtype, device=device) for t in tensors]

    def draw(self) -> None:
        """Fill `batch` with the next rows."""
        index = self.stream.next()
        for tensor, batch in zip(self.tensors, self.batch, strict=True):
            if tensor.device == batch.device:
                torch.index_select(tensor, 0, index, out=batch)
            else:
                batch.copy_(tensor.index_select(0, index.cpu()))


def fits(tensors: tuple[torch.Tensor, ...], device: torch.device) -> bool:
    """Whether `tensors` take at most half of the memory that is free on `device`; always on the CPU."""
    if device.type != "cuda" or all(tensor.device == device for tensor in tensors):
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return _bytes(tensors) <= free / 2


def _bytes(tensors: tuple[torch.Tensor, ...]) -> int:
    return sum(tensor.nbytes for tensor in tensors)


def normalise(images: torch.Tensor) -> torch.Tensor:
    """Map uint8 images (B, C, H, W) to float32 in [-1, 1], grey repeated to three channels, in channels_last."""
    scaled = images.to(memory_format=torch.channels_last).float() / 127.5 - 1
    return scaled.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)


def to_uint8(images: torch.Tensor) -> torch.Tensor:
    """Map float images in [-1, 1] to uint8, the inverse of `normalise` up to rounding."""
    return ((images.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
