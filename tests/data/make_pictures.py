"""Writes the pictures in this folder, which the tests of lib/io/image.h decode. Needs Pillow and NumPy.

All but the resized ones show the same 32x24 picture: twelve squares of 8x8 pixels, each of one colour, so that JPEG's
blocks keep them almost exactly. The colour of the square in column i and row j is (40 + 60 i, 30 + 90 j, 128).
"""

import pathlib
import struct
import zlib

import numpy as np
from PIL import Image

HERE = pathlib.Path(__file__).parent
WIDTH, HEIGHT = 32, 24


def squares():
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack([40 + 60 * (x // 8), 30 + 90 * (y // 8), np.full_like(x, 128)], axis=2).astype(np.uint8)


def alpha():
    """Invisible in the first column of squares, half visible in the second."""
    return np.broadcast_to(np.repeat([0, 128, 255, 255], 8), (HEIGHT, WIDTH)).astype(np.uint8)


def write_png_16_bits(path, pixels):
    """RGB with 16 bits a channel, which Pillow cannot write. `pixels` is (height, width, 3), uint16."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows))
                     + chunk(b"IEND", b""))


def main():
    rgb = Image.fromarray(squares())
    grey = rgb.convert("L")
    palette = rgb.quantize(16, dither=Image.Dither.NONE)
    rgba = Image.fromarray(np.dstack([squares(), alpha()]))
    grey_alpha = Image.merge("LA", (grey, Image.fromarray(alpha())))

    rgb.save(HERE / "rgb.jpg", quality=95, subsampling=0)
    rgb.save(HERE / "halved_colour.jpg", quality=95, subsampling=2)
    rgb.save(HERE / "progressive.jpg", quality=95, subsampling=0, progressive=True)
    rgb.save(HERE / "restarts.jpg", quality=95, subsampling=0, restart_marker_blocks=2)
    grey.save(HERE / "grey.jpg", quality=95)
    rgb.save(HERE / "rgb.png")
    grey.save(HERE / "grey.png")
    palette.save(HERE / "palette.png")
    rgba.save(HERE / "rgba.png")
    grey_alpha.save(HERE / "grey_alpha.png")
    write_png_16_bits(HERE / "rgb16.png", squares().astype(np.uint16) * 257)
    rgb.save(HERE / "rgb.bmp")
    palette.save(HERE / "palette.bmp")
    rgb.save(HERE / "rgb.tga")
    rgb.save(HERE / "run_length.tga", compression="tga_rle")
    grey.save(HERE / "grey.tga")
    palette.save(HERE / "palette.gif")
    palette.save(HERE / "animated.gif", save_all=True, append_images=[Image.new("P", rgb.size)], duration=100)

    # What torchvision's Resize makes of a noisy picture: smaller, and larger.
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (40, 40, 3), dtype=np.uint8))
    noise.save(HERE / "resize_40.png")
    noise.resize((16, 16), Image.Resampling.BILINEAR).save(HERE / "resize_16.png")
    noise.crop((12, 12, 28, 28)).resize((24, 24), Image.Resampling.BILINEAR).save(HERE / "resize_16_to_24.png")


if __name__ == "__main__":
    main()
