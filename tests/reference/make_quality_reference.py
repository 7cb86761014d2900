"""Writes quality.safetensors: what NumPy makes of the definitions behind `dcgan evaluate`.

Written from the papers, with loops where Duel has matrix products, so that the two share no idea but the
definition. Run from the project's root; see README.md here.
"""

import argparse
import json

import numpy as np
from safetensors.numpy import save_file

N = 20  # pictures in each set
SIDE = 32


def waves(rng, count, side, channels, offset, spread):
    """Smooth random pictures, (count, side, side, channels) bytes."""
    y, x = np.mgrid[0:side, 0:side] / side
    pictures = np.zeros((count, side, side, channels))
    for i in range(count):
        for c in range(channels):
            a = rng.normal(size=4) * spread
            wave = a[0] * np.sin(6 * x + 3 * a[1]) + a[2] * np.cos(5 * y + 3 * a[3])
            pictures[i, :, :, c] = offset + 0.15 * wave + 0.02 * rng.normal(size=(side, side))
    return (np.clip(pictures, 0, 1) * 255).astype(np.uint8)


def make_pictures(rng):
    """Two sets of pictures, (N, SIDE, SIDE, 3); the second is darker and varies less."""
    sets = [waves(rng, N, SIDE, 3, offset, spread) for offset, spread in ((0.5, 1.0), (0.4, 0.6))]
    sets[1][3] = sets[0][5]  # a copy, and two samples that are nearly the same
    sets[1][7] = np.clip(sets[1][6].astype(int) + 2, 0, 255)
    return sets


# ---- Karras et al. 2018: Laplacian pyramid and sliced Wasserstein distance ----

KERNEL = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256


def blur(picture):
    padded = np.pad(picture, ((2, 2), (2, 2), (0, 0)), mode="reflect")
    result = np.zeros_like(picture)
    for dy in range(5):
        for dx in range(5):
            result += KERNEL[dy, dx] * padded[dy : dy + picture.shape[0], dx : dx + picture.shape[1]]
    return result


def pyramid(picture):
    bands = [picture]
    while bands[-1].shape[0] > 16:
        small = blur(bands[-1])[::2, ::2]
        large = np.zeros_like(bands[-1])
        large[::2, ::2] = small
        bands[-1] = bands[-1] - 4 * blur(large)
        bands.append(small)
    return bands


def descriptors(band, ys, xs):
    per_picture = len(ys) // len(band)
    patches = np.array(
        [band[i // per_picture, ys[i] : ys[i] + 7, xs[i] : xs[i] + 7] for i in range(len(ys))]
    )
    patches = (patches - patches.mean(axis=(0, 1, 2))) / patches.std(axis=(0, 1, 2))
    return patches.reshape(len(patches), -1)


def sliced_wasserstein(a, b, directions):
    distances = []
    for direction in directions.T:
        distances.append(np.mean(np.abs(np.sort(a @ direction) - np.sort(b @ direction))))
    return np.mean(distances)


# ---- Wang et al. 2003: multi-scale structural similarity ----


def ssim_maps(a, b):
    offsets = np.arange(11) - 5
    window = np.exp(-(offsets**2) / (2 * 1.5**2))
    window = np.outer(window, window) / window.sum() ** 2
    size = a.shape[0] - 10
    luminance, contrast = np.zeros((size, size)), np.zeros((size, size))
    c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2
    for y in range(size):
        for x in range(size):
            p, q = a[y : y + 11, x : x + 11], b[y : y + 11, x : x + 11]
            mp, mq = (window * p).sum(), (window * q).sum()
            vp, vq = (window * (p - mp) ** 2).sum(), (window * (q - mq) ** 2).sum()
            cov = (window * (p - mp) * (q - mq)).sum()
            luminance[y, x] = (2 * mp * mq + c1) / (mp**2 + mq**2 + c1)
            contrast[y, x] = (2 * cov + c2) / (vp + vq + c2)
    return luminance, contrast


def ms_ssim(a, b):
    scales = sum(a.shape[0] >> scale >= 11 for scale in range(5))  # as many as hold the window
    weights = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])[:scales]
    weights = weights / weights.sum()
    values = []
    for c in range(a.shape[2]):
        p, q, result = a[..., c] + 1, b[..., c] + 1, 1.0  # intensities 0 .. 2
        for scale, weight in enumerate(weights):
            luminance, contrast = ssim_maps(p, q)
            part = (luminance * contrast).mean() if scale == len(weights) - 1 else contrast.mean()
            result *= max(part, 0) ** weight
            p, q = ((m[::2, ::2] + m[1::2, ::2] + m[::2, 1::2] + m[1::2, 1::2]) / 4 for m in (p, q))
        values.append(result)
    return np.mean(values)


# ---- Kynkaanniemi et al. 2019, Naeem et al. 2020, Carlini et al. 2023 ----


def distance(a, b):
    return np.sqrt(((a - b) ** 2).sum())


def radius(points, i, k):
    return sorted(distance(points[i], points[j]) for j in range(len(points)) if j != i)[k - 1]


def manifold(reals, fakes):
    in_real = lambda y, k: sum(distance(y, reals[i]) <= radius(reals, i, k) for i in range(len(reals)))
    precision = [in_real(y, 3) > 0 for y in fakes]
    recall = [any(distance(x, y) <= radius(fakes, j, 3) for j, y in enumerate(fakes)) for x in reals]
    density = [in_real(y, 5) / 5 for y in fakes]
    coverage = [any(distance(x, y) <= radius(reals, i, 5) for y in fakes) for i, x in enumerate(reals)]
    return {
        name: np.array(value, dtype=np.float64)
        for name, value in
        (("precision", precision), ("recall", recall), ("density", density), ("coverage", coverage))
    }


def copies(points, training):
    result = []
    for point in points:
        nearest = sorted(distance(point, other) for other in training)[:50]
        result.append(nearest[0] < 0.5 * np.mean(nearest))
    return np.array(result, dtype=np.float64)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", default="tests/reference/quality.safetensors")
    output = parser.parse_args().output
    rng = np.random.default_rng(6)
    reals, fakes = make_pictures(rng)
    x, y = (p.astype(np.float64) / 127.5 - 1 for p in (reals, fakes))
    tensors = {"reals": reals, "fakes": fakes}

    directions = rng.normal(size=(7 * 7 * 3, 6))
    directions = (directions / np.linalg.norm(directions, axis=0)).astype(np.float32)
    tensors["directions"] = directions
    bands = [[np.array(band) for band in zip(*map(pyramid, pictures))] for pictures in (x, y)]
    for level, side in enumerate((32, 16)):
        places = rng.integers(0, side - 6, size=(2, 2, N * 3))  # set, axis, patch
        tensors[f"places_{side}"] = places
        a, b = (descriptors(bands[s][level], places[s, 0], places[s, 1]) for s in range(2))
        tensors[f"swd_{side}"] = np.array([sliced_wasserstein(a, b, directions.astype(np.float64))])
    tensors["band_32"] = bands[0][0][0].astype(np.float32)
    tensors["band_16"] = bands[0][1][0].astype(np.float32)

    tensors["ms_ssim"] = np.array([ms_ssim(y[i], y[i + 1]) for i in range(0, N, 2)])
    points = [p.reshape(N, -1) for p in (x, y)]
    tensors.update(manifold(*points))
    tensors["copies"] = copies(points[1], points[0])

    large = waves(rng, 4, 64, 1, 0.5, 1.0)
    z = large.astype(np.float64) / 127.5 - 1
    tensors["large"] = large
    for band in pyramid(z[0]):
        tensors[f"large_band_{band.shape[0]}"] = band.astype(np.float32)
    tensors["large_ms_ssim"] = np.array([ms_ssim(z[i], z[i + 2]) for i in (0, 1)])
    reference = {"numpy": np.__version__, "script": "make_quality_reference.py"}
    save_file(tensors, output, {"reference": json.dumps(reference)})


if __name__ == "__main__":
    main()
