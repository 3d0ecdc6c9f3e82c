"""Names that the data sets of the course share; at the bottom of the house, so that the configuration can use them."""

ATTRIBUTES = (
    "Bangs",
    "Big_Lips",
    "Black_Hair",
    "Blond_Hair",
    "Brown_Hair",
    "Heavy_Makeup",
    "High_Cheekbones",
    "Male",
    "Mouth_Slightly_Open",
    "Smiling",
    "Straight_Hair",
    "Wavy_Hair",
    "Wearing_Lipstick",
)
"""The 13 attributes of the course's face tables, in their order."""

DIGITS = tuple(str(digit) for digit in range(10))


def is_set_name(name: str) -> bool:
    """Whether a run can name a digit set so: letters, digits, `-` and `_`."""
    return name.replace("_", "").replace("-", "").isalnum()
