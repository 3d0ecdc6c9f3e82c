"""Where and in what precision a run computes."""

import os
import platform
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch

from hwlib.errors import WorkbookError
from hwlib.training.memory import keep_freed_memory


@dataclass(frozen=True)
class Compute:
    """A device, the number format of its convolutions and matrix products, and whether equal runs give equal bits."""

    device: torch.device
    dtype: torch.dtype
    deterministic: bool = False

    @property
    def graphs(self) -> bool:
        """Whether steps can be recorded and replayed here (`hwlib.training.graph`)."""
        return self.device.type == "cuda"

    def autocast(self) -> AbstractContextManager:
        """Return a context in which eligible operations run in `dtype`; float32 leaves all as it is."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16)

    def place(self, module: torch.nn.Module) -> torch.nn.Module:
        """Move a module here, its convolutions in channels_last, the layout in which they are fastest."""
        return module.to(self.device, memory_format=torch.channels_last)

    def adam(
        self, module: torch.nn.Module, lr: float, betas=(0.9, 0.999), weight_decay: float = 0.0
    ) -> torch.optim.Adam:
        """Return Adam over the trainable parameters; fused, one kernel for all of them, where there is such a one.

        A weight decay is decoupled from the gradient (AdamW, Loshchilov & Hutter 2019). On CUDA the learning rate and
        the count of steps live on the device, where a recorded step can read them.
        """
        trainable = [parameter for parameter in module.parameters() if parameter.requires_grad]
        settings = {"betas": betas, "weight_decay": weight_decay, "decoupled_weight_decay": True}
        if self.device.type == "cuda":
            rate = torch.tensor(lr, device=self.device)
            return torch.optim.Adam(trainable, rate, fused=True, capturable=True, **settings)
        return torch.optim.Adam(trainable, lr, fused=self.device.type == "cpu", **settings)

    def describe(self) -> dict:
        """Return what a record says of hardware and versions."""
        on_cuda = self.device.type == "cuda"
        hardware = torch.cuda.get_device_name(self.device) if on_cuda else _processor()
        return {
            "torch": torch.__version__,
            "device": str(self.device),
            "hardware": hardware,
            "threads": torch.get_num_threads(),
            "precision": str(self.dtype).removeprefix("torch."),
            "deterministic": self.deterministic,
        }


def choose(device: str = "auto", precision: str = "auto", deterministic: bool = False) -> Compute:
    """Resolve the parameters `device`, `precision` and `deterministic`; `WorkbookError` for a device that is not there.

    `auto` takes CUDA, else MPS, else the CPU; and bfloat16 where the hardware multiplies it natively, else float32.
    The CPU is deterministic as it is, for one number of threads; CUDA when asked, by slower kernels; MPS never.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    chosen = torch.device(device)
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise WorkbookError(
            f"device: {device!r} is not here; this machine has {torch.cuda.device_count()} CUDA devices"
        )
    if chosen.type == "mps" and not torch.backends.mps.is_available():
        raise WorkbookError("device: 'mps' is not here; use auto or cpu")
    if precision == "auto":
        precision = "bfloat16" if _native_bfloat16(chosen) else "float32"
    if chosen.type == "cuda":
        if chosen.index is not None:
            torch.cuda.set_device(chosen)  # graphs are recorded on streams of the current device
        # Read by cuBLAS when it is first used: without a fixed workspace its sums may come in any order.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(deterministic)
    if chosen.type == "cpu":
        keep_freed_memory()
    certain = chosen.type == "cpu" or (chosen.type == "cuda" and deterministic)
    return Compute(chosen, getattr(torch, precision), certain)


def _native_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        return torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return False


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            name = next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} logical cores"
