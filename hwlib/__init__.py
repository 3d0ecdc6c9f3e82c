"""The workbook's module: four problems over one engine. Rooms are imported by name; importing this costs nothing."""

__version__ = "0.1.0"
