"""Faces laid out pixel for pixel."""

from typing import Any

import numpy as np

from hwlib.figures.panel import Picture, Row


def mosaic(faces: np.ndarray, columns: int = 8, gap: int = 2) -> np.ndarray:
    """Lay images (N, 3, H, W) out in rows of `columns` with white gaps; returns uint8 (rows, width, 3)."""
    n, _, height, width = faces.shape
    rows = -(-n // columns)
    page = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), 255, np.uint8)
    for i, face in enumerate(faces):
        y, x = (height + gap) * (i // columns), (width + gap) * (i % columns)
        page[y : y + height, x : x + width] = face.transpose(1, 2, 0)
    return page


def vae_grid(record: Any) -> list[Row]:
    """1-4: 32 faces decoded from N(0, I)."""
    return [
        Row((_grid(record, "VAE 由 N(0, I) 抽樣並解碼出的 32 張人臉", "32 faces that the VAE decoded from N(0, I)"),))
    ]


def gan_grid(record: Any) -> list[Row]:
    """2-2: 32 faces made by the generator."""
    return [Row((_grid(record, "生成器產生的 32 張人臉", "32 faces made by the generator"),))]


def eight(record: Any, zh: str, en: str) -> Row:
    """The first eight of the 32 faces, in a row."""
    return Row((_grid(record, f"{zh}，共八張", f"{en}, eight of them", count=8),))


def side_by_side(vae: Any, gan: Any) -> list[Row]:
    """2-4: 16 faces of the VAE beside 16 of the GAN, the first of the 32 of each."""
    return [
        Row(
            (
                _grid(vae, "VAE 的 16 張人臉", "16 faces of the VAE", count=16, columns=4, title="VAE"),
                _grid(gan, "GAN 的 16 張人臉", "16 faces of the GAN", count=16, columns=4, title="GAN"),
            )
        )
    ]


def _grid(record: Any, zh: str, en: str, count: int = 32, columns: int = 8, title: str = "") -> Picture:
    return Picture(mosaic(record.arrays["faces"][:count], columns), zh, en, title)


def vae_row(record: Any) -> list[Row]:
    """1-4b: a test face, what the VAE decodes on the way, and another test face."""
    between, (first, last) = record.arrays["interpolation"], record.arrays["originals"][:2]
    faces = np.concatenate([first[None], between, last[None]])
    return [
        Row(
            (
                Picture(
                    mosaic(faces, len(faces)),
                    f"最左與最右是兩張測試人臉，其間是 VAE 沿兩者潛在向量的連線解碼出的 {len(between)} 張人臉",
                    f"Two test faces at the ends; between them {len(between)} faces decoded along the line between "
                    "their latents",
                ),
            )
        )
    ]


def gan_row(record: Any) -> list[Row]:
    """2-2b: generated faces on the great circle between two latents."""
    faces = record.arrays["interpolation"]
    return [
        Row(
            (
                Picture(
                    mosaic(faces, len(faces)),
                    f"生成器在兩個潛在向量之間沿大圓產生的 {len(faces)} 張人臉",
                    f"{len(faces)} faces generated along the great circle between two latents",
                ),
            )
        )
    ]
