"""Where images come from: whatever the source, the result is an `ImageSet`."""

from typing import Any

_HOMES = {
    "ATTRIBUTES": "imageset",
    "DIGITS": "imageset",
    "DataSource": "source",
    "ImageSet": "imageset",
    "describe": "source",
    "fingerprint": "imageset",
    "load_sets": "source",
    "open_data": "source",
    "open_source": "source",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    """Import a name's module when it is first asked for: whoever only reads tables, as `hw score`, needs no torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
