"""How far generated images are from real ones, from features or pixels as vectors (n, d)."""

import numpy as np
from scipy import stats


def mmd(first: np.ndarray, second: np.ndarray) -> float:
    """The squared maximum mean discrepancy with the cubic kernel of KID; unbiased, so it may be below 0.

    Source: Bińkowski et al. 2018, section 4, arXiv:1801.01401. Raises: ValueError for fewer than two of either.
    """
    if min(len(first), len(second)) < 2:
        raise ValueError(f"{len(first)} and {len(second)} vectors; both need two or more")
    one, two, both = (kernel(a, b) for a, b in ((first, first), (second, second), (first, second)))
    n, m = len(one), len(two)
    within = (one.sum() - np.trace(one)) / (n * (n - 1)) + (two.sum() - np.trace(two)) / (m * (m - 1))
    return float(within - 2 * both.mean())


def kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(x·y / d + 1)³ of all pairs, float64."""
    return (first.astype(np.float64) @ second.astype(np.float64).T / first.shape[1] + 1) ** 3


def kid(real: np.ndarray, fake: np.ndarray, blocks: int = 10) -> tuple[float, float]:
    """Kernel inception distance, and the half width of its 95 % interval.

    The mean of `mmd` over blocks that share no image, so that their spread says how sure it is; of fewer than 20
    images each there are fewer blocks, two at least.
    """
    number = min(len(real), len(fake))
    blocks = max(min(blocks, number // 20), 2)
    size = number // blocks
    pairs = ((real[k * size : (k + 1) * size], fake[k * size : (k + 1) * size]) for k in range(blocks))
    found = np.array([mmd(*pair) for pair in pairs])
    wide = stats.t.ppf(0.975, blocks - 1)  # few blocks: Student's, not the normal distribution
    return float(found.mean()), float(wide * found.std(ddof=1) / np.sqrt(blocks))


def distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Euclidean distances of all pairs, (n, m)."""
    first, second = first.astype(np.float64), second.astype(np.float64)
    square = (first**2).sum(axis=1)[:, None] - 2 * first @ second.T + (second**2).sum(axis=1)
    return np.sqrt(np.maximum(square, 0))


def precision_recall(real: np.ndarray, fake: np.ndarray, k: int = 3) -> tuple[float, float]:
    """Share of generated ones that lie among the real, and of real ones that lie among the generated.

    Among: no farther from some member than that is from its own k-th neighbour.
    Source: Kynkäänniemi et al. 2019, equations 1 and 2, arXiv:1904.06991.
    """
    across = distances(real, fake)
    return (
        float((across <= kth_distance(real, k)[:, None]).any(axis=0).mean()),
        float((across <= kth_distance(fake, k)[None, :]).any(axis=1).mean()),
    )


def kth_distance(vectors: np.ndarray, k: int) -> np.ndarray:
    """How far each is from its k-th nearest other, (n,). Raises ValueError if there are not k others."""
    if k > len(vectors) - 1:
        raise ValueError(f"k is {k}, but there are {len(vectors) - 1} others; take a smaller k, or more images")
    return np.partition(distances(vectors, vectors), k, axis=1)[:, k]  # the 0th is itself


def one_nn_accuracy(real: np.ndarray, fake: np.ndarray) -> float:
    """How often the nearest other vector is of the same kind, leaving one out; 0.5 is perfect, 1 is told apart.

    Both must be equally many. Source: Lopez-Paz and Oquab 2017, arXiv:1610.06545.
    """
    if len(real) != len(fake):
        raise ValueError(f"{len(real)} real and {len(fake)} generated; give as many of both")
    everything = np.concatenate([real, fake])
    distance = distances(everything, everything)
    np.fill_diagonal(distance, np.inf)
    is_real = np.arange(len(everything)) < len(real)
    return float((is_real[distance.argmin(axis=1)] == is_real).mean())


def nearest(index: np.ndarray, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each query the row of the nearest in `index`, and how far that is."""
    rows, found = [], []
    for some in np.array_split(queries, -(-len(queries) // 200)):
        distance = distances(some, index)
        rows.append(distance.argmin(axis=1))
        found.append(distance.min(axis=1))
    return np.concatenate(rows), np.concatenate(found)


def copied(to_strangers: np.ndarray, to_fakes: np.ndarray) -> float:
    """Share of generated ones that are closer to a training image than 99 % of strangers' pictures are.

    Both are distances to the nearest training image. Near 0.01 for a generator that copies no more than strangers look
    alike.
    """
    return float((to_fakes < np.quantile(to_strangers, 0.01)).mean())


def flat_pixels(images: np.ndarray, side: int = 32) -> np.ndarray:
    """Images, bytes (n, S, S, 3), averaged to `side` pixels, as vectors of numbers in [0, 1]."""
    step, count = max(images.shape[1] // side, 1), len(images)
    across = images.shape[2] // step
    rows = images.reshape(count, -1, step, images.shape[2] * 3).sum(axis=2, dtype=np.uint16)  # fast: whole rows
    blocks = rows.reshape(count, -1, across, step, 3).sum(axis=3, dtype=np.uint32)
    return (blocks / (255 * step**2)).reshape(count, -1).astype(np.float32)
