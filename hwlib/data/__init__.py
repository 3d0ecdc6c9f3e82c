"""Where images come from: whatever the source, the result is an `ImageSet`."""

from hwlib.data.imageset import ATTRIBUTES, DIGITS, ImageSet, fingerprint
from hwlib.data.source import DataSource, describe, load_sets, open_data, open_source

__all__ = [
    "ATTRIBUTES",
    "DIGITS",
    "DataSource",
    "ImageSet",
    "describe",
    "fingerprint",
    "load_sets",
    "open_data",
    "open_source",
]
