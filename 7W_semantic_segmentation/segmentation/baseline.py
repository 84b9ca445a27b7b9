"""What needs no network: the shape and colours of a data set as a table, and Otsu's threshold."""

import numpy as np
import pandas as pd
from scipy import ndimage
from skimage.filters import threshold_otsu

from segmentation.data import Lesions

BLUR = 0.02  # of the side


def describe(lesions: Lesions) -> pd.DataFrame:
    """A row a case: the share that is lesion, where its middle lies, colours (of 255) in it and around it, corners.

    "contrast" is how much darker the lesion is than the skin, "edge" the share of the picture's border that is lesion,
    "corners" the brightness of the darkest corner. Skin is what is neither lesion nor a dark corner.
    """
    rows = []
    for image, mask in zip(lesions.images.astype(float), lesions.masks.astype(bool), strict=True):
        grey, side = image.mean(axis=2), len(mask)
        corner = side // 16
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
            {"area": mask.mean(), "x": x / side, "y": y / side, "contrast": skin.mean() - inside.mean()}
            | {
                f"{part} {name}": value
                for part, colours in (("skin", skin), ("lesion", inside))
                for name, value in zip(("red", "green", "blue"), colours, strict=True)
            }
            | {"edge": rim.mean(), "corners": min(corners)}
        )
    return pd.DataFrame(rows)


def otsu_masks(lesions: Lesions) -> np.ndarray:
    """What is darker than Otsu's threshold of the blurred picture, bool (n, S, S): a baseline that learns nothing."""
    return np.stack([otsu_mask(image) for image in lesions.images])


def otsu_mask(image: np.ndarray) -> np.ndarray:
    """The dark part of one picture, (S, S, 3) to bool (S, S)."""
    grey = ndimage.gaussian_filter(image.mean(axis=2), BLUR * len(image))
    return grey < threshold_otsu(grey)
