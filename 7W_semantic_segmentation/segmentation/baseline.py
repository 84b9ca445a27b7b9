"""What needs no network: statistics of a data set, and Otsu's threshold as a baseline."""

import numpy as np
import pandas as pd
from scipy import ndimage
from skimage.filters import threshold_otsu

from segmentation.data import LesionData

BLUR = 0.02  # standard deviation of the Gaussian blur, as a fraction of the image size


def describe(lesions: LesionData) -> pd.DataFrame:
    """For each image: area and centre of the lesion, colours inside and outside (0 to 255), border, corners.

    "contrast" is the brightness of skin minus that of lesion, "edge" the fraction of the image's border that is
    lesion, "corners" the brightness of the darkest corner. Skin excludes dark corners.
    """
    rows = []
    for image, mask in zip(lesions.images.astype(float), lesions.masks.astype(bool), strict=True):
        grey, size = image.mean(axis=2), len(mask)
        corner = size // 16
        corners = [
            grey[a][:, b].mean()
            for a in (slice(corner), slice(-corner, None))
            for b in (slice(corner), slice(-corner, None))
        ]
        skin = image[~mask & (grey > 60)]
        inside, skin = image[mask].mean(axis=0), skin.mean(axis=0) if len(skin) else np.full(3, np.nan)
        y, x = ndimage.center_of_mass(mask)
        rim = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
        rows.append(
            {"area": mask.mean(), "x": x / size, "y": y / size, "contrast": skin.mean() - inside.mean()}
            | {
                f"{part} {name}": value
                for part, colours in (("skin", skin), ("lesion", inside))
                for name, value in zip(("red", "green", "blue"), colours, strict=True)
            }
            | {"edge": rim.mean(), "corners": min(corners)}
        )
    return pd.DataFrame(rows)


def otsu_masks(lesions: LesionData) -> np.ndarray:
    """Masks of the pixels that are darker than Otsu's threshold of the blurred image, bool (n, S, S)."""
    return np.stack([otsu_mask(image) for image in lesions.images])


def otsu_mask(image: np.ndarray) -> np.ndarray:
    """The dark part of one image, (S, S, 3) to bool (S, S)."""
    grey = ndimage.gaussian_filter(image.mean(axis=2), BLUR * len(image))
    return grey < threshold_otsu(grey)
