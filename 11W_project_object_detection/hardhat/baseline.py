"""Is it too easy? Blobs of helmet colours, found without learning; the drawn sites must be too hard for them."""

import numpy as np
from scipy import ndimage
from skimage.color import rgb2hsv

from coursework.images import read_rgb
from hardhat.data import Picture

COLOURS = {  # hue from and to, least saturation and value, most saturation
    "yellow": (0.10, 0.19, 0.5, 0.45, 1.0),
    "orange": (0.03, 0.10, 0.6, 0.45, 1.0),
    "red": (0.95, 1.03, 0.55, 0.35, 1.0),
    "green": (0.28, 0.42, 0.4, 0.25, 1.0),
    "blue": (0.55, 0.66, 0.5, 0.3, 1.0),
    "white": (0.0, 1.0, 0.0, 0.8, 0.12),
}
LEAST = 20  # pixels that a blob must have


def find_blobs(picture: Picture) -> dict:
    """Blobs of one colour that are about as wide as high, as helmets; the rounder, the surer.

    A helmet's box holds the face, too: the blob is extended downwards to twice its height.
    """
    hue, saturation, value = np.moveaxis(rgb2hsv(np.asarray(read_rgb(picture.path))), -1, 0)
    boxes, scores = [], []
    for low, high, least, bright, most in COLOURS.values():
        around = (hue >= low) & (hue <= high) | (hue + 1 <= high) & (hue + 1 >= low)
        blobs, number = ndimage.label(around & (saturation >= least) & (saturation <= most) & (value >= bright))
        sizes = np.bincount(blobs.ravel(), minlength=number + 1)
        for place, where in enumerate(ndimage.find_objects(blobs), 1):
            height, width = (edge.stop - edge.start for edge in where)
            if sizes[place] < LEAST or not 0.4 < height / width < 1.4:
                continue
            top, left = where[0].start, where[1].start
            boxes.append([left, top, left + width, min(top + 2 * height, picture.height)])
            scores.append(sizes[place] / (height * width))
    return {
        "boxes": np.array(boxes, float).reshape(-1, 4),
        "scores": np.array(scores),
        "labels": np.zeros(len(scores), int),
    }
