"""Fixtures for test/data: what Pillow and torchvision make of small pictures.

Writes test/reference/pictures/* (little files of every odd kind) and test/reference/data.json (for each file
the size, a checksum and some pixels of Pillow's exif_transpose(open(file)).convert('RGB'); resizes; crops of
RandomResizedCrop for given random numbers; outputs of torchvision's evaluation transform, also for the photographs
in data/photos). Pictures for resizes
and transforms are computed by `formula` on both sides and not stored.

Run by hand from the repository root, with Pillow 13.0.0, torchvision 0.29.1, torch 2.14.1, numpy 2.4.6:
    python test/reference/generate_data.py
"""

import hashlib
import json
import math
import pathlib
import struct
import zlib

import numpy as np
import torch
import torchvision.transforms as T
from PIL import Image, ImageOps

HERE = pathlib.Path(__file__).parent
PICTURES = HERE / "pictures"
W, H = 29, 22


def formula(width, height, kind):
    """The pictures that src and this script compute alike: smooth, noisy, or only black and white."""
    y, x, c = np.mgrid[0:height, 0:width, 0:3].astype(np.int64)
    if kind == "smooth":
        return ((x * 3 + y * 2 + c * 40 + (x * y) // 16) % 256).astype(np.uint8)
    noise = ((x * 7919 + y * 104729 + c * 1299709) ^ (x * y * 31 + x)) % 1009
    return (noise % 256 if kind == "noise" else (noise % 2) * 255).astype(np.uint8)


def sha(a):
    return hashlib.sha256(np.ascontiguousarray(a).tobytes()).hexdigest()


def summary(a):
    """Checksum, and every n-th value so that a test that fails can say by how much."""
    flat = a.reshape(-1)
    step = max(1, flat.size // 12)
    return {"sha256": sha(a), "step": step, "values": [float(v) if a.dtype != np.uint8 else int(v) for v in flat[::step]]}


def png(width, height, depth, color_type, raw, interlace=0):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, interlace)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b"")
    )


def rows(a):
    """PNG scan lines without filters; a is [h, bytes a row] or [h, w, …] of whole bytes."""
    return b"".join(b"\0" + r.tobytes() for r in np.ascontiguousarray(a))


def adam7(a):
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    return b"".join(rows(a[y::dy, x::dx]) for y, x, dy, dx in passes if a[y::dy, x::dx].size)


def save_pictures():
    PICTURES.mkdir(exist_ok=True)
    for old in PICTURES.iterdir():
        old.unlink()
    y, x = np.mgrid[0:H, 0:W]
    rgb = formula(W, H, "smooth")
    im = Image.fromarray(rgb)
    alpha = Image.fromarray(((x + y) * 5 % 256).astype(np.uint8))
    rgba = im.copy()
    rgba.putalpha(alpha)
    mirrored = im.transpose(Image.Transpose.FLIP_LEFT_RIGHT)

    def save(image, name, **options):
        image.save(PICTURES / name, **options)

    save(im, "rgb.jpg", quality=90)
    save(im, "rgb-444.jpg", quality=90, subsampling=0)
    save(im, "rgb-422.jpg", quality=90, subsampling=1)
    save(im, "progressive.jpg", quality=90, progressive=True)
    save(im, "stored-as-rgb.jpg", quality=90, keep_rgb=True)
    save(im.convert("L"), "grey.jpg", quality=90)
    save(im.convert("CMYK"), "cmyk.jpg", quality=95)
    save(im.convert("CMYK"), "cmyk.tif", compression="tiff_lzw")
    save(im, "rgb.webp", quality=90)
    save(rgba, "alpha.webp", lossless=True, exact=True)
    save(im, "animated.webp", save_all=True, append_images=[mirrored], lossless=True)
    save(im.quantize(16), "palette.gif")
    save(im.quantize(16), "animated.gif", save_all=True, append_images=[mirrored.quantize(16)])
    save(rgba, "alpha.tif", compression="tiff_lzw")
    save(im, "pages.tif", save_all=True, append_images=[mirrored], compression="tiff_lzw")
    save(im, "rgb.avif", quality=95)
    save(rgba, "alpha.png")
    save(im.convert("L"), "grey.png")
    save(Image.merge("LA", (im.convert("L"), alpha)), "grey-alpha.png")
    save(im.quantize(16), "palette.png")
    save(im.quantize(16), "palette-transparent.png", transparency=3)
    save(im, "transparent-colour.png", transparency=tuple(int(v) for v in rgb[5, 5]))
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        save(im, f"orientation-{orientation}.jpg", exif=exif, quality=90)
        save(im, f"orientation-{orientation}.png", exif=exif)
    exif = Image.Exif()
    exif[0x0112] = 6
    save(im, "orientation-6.webp", exif=exif, quality=90)

    deep = rgb.astype(np.uint16) * 256 + (x * 9 % 256)[..., None].astype(np.uint16)
    files = {
        "rgb-16bit.png": png(W, H, 16, 2, rows(deep.astype(">u2"))),
        "interlaced.png": png(W, H, 8, 2, adam7(rgb), interlace=1),
        "interlaced-16bit.png": png(W, H, 16, 2, adam7(deep.astype(">u2")), interlace=1),
        "grey-16bit.png": png(W, H, 16, 0, rows(deep[..., 0].astype(">u2"))),
    }
    for depth in (1, 2, 4):
        values = ((x // 2) % (1 << depth)).astype(np.uint8)
        bits = (values[..., None] >> np.arange(depth - 1, -1, -1)) & 1
        files[f"grey-{depth}bit.png"] = png(W, H, depth, 0, rows(np.packbits(bits.reshape(H, -1), axis=1)))
    for name, data in {**files, **bitmaps(rgb)}.items():
        (PICTURES / name).write_bytes(data)


def bmp(bits, data, *, size=40, compression=0, palette=b"", masks=(), top_down=False, file_header=True):
    """A BMP of W × H pixels with any header; `size` 12 is that of OS/2."""
    if size == 12:
        header = struct.pack("<IHHHH", 12, W, H, 1, bits)
    else:
        colours = len(palette) // 4
        header = struct.pack("<IiiHHIIiiII", 40, W, -H if top_down else H, 1, bits, compression, len(data), 0, 0, colours, 0)
        words = struct.pack(f"<{len(masks)}I", *masks)
        header = struct.pack("<I", size) + header[4:] + (words if size == 40 else words.ljust(size - 40, b"\0"))
    place = 14 + len(header) + len(palette)
    return (struct.pack("<2sIHHI", b"BM", place + len(data), 0, 0, place) if file_header else b"") + header + palette + data


def bmp_rows(a, bits):
    """Rows of whole pixels, [H, W] or [H, W, bytes], filled up to four bytes."""
    if bits < 8:
        a = np.packbits(((a[..., None] >> np.arange(bits - 1, -1, -1)) & 1).astype(np.uint8).reshape(H, -1), axis=1)
    return b"".join(row.tobytes() + b"\0" * (-row.nbytes % 4) for row in np.ascontiguousarray(a))


def run_lengths(indices, bits):
    """Runs, stretches as they are, a jump over the first four pixels of every third row, and marks."""
    pack = lambda v: v.tobytes() if bits == 8 else bytes(int(a) << 4 | int(b) for a, b in zip(v[::2], np.append(v, 0)[1::2]))
    out = b""
    for y, row in enumerate(indices):
        x = 0
        if y % 3 == 2:
            out, x = out + bytes([0, 2, 4, 0]), 4
        while x < W:
            same = int(np.argmax(np.append(row[x:], 255) != row[x]))
            n = min(7, W - x)
            if same >= 3 or n < 3:
                out += bytes([same, int(row[x]) * (1 if bits == 8 else 17)])
                x += same
            else:
                raw = pack(row[x : x + n])
                out += bytes([0, n]) + raw + b"\0" * (len(raw) % 2)
                x += n
        out += b"\0\0" if y < H - 1 else b"\0\1"
    return out


def bitmaps(rgb):
    y, x = np.mgrid[0:H, 0:W]
    bgr = rgb[::-1, :, ::-1]
    palette = lambda n: b"".join(bytes([(i * 37) % 256, (i * 91 + 5) % 256, (i * 151 + 9) % 256, 0]) for i in range(n))
    indices = lambda n: ((x // 3 + y * 2) % n).astype(np.uint8)
    words = lambda shifts: sum((bgr[..., 2 - c].astype(np.uint32) >> drop) << up for c, (drop, up) in enumerate(shifts))
    deep = np.dstack([bgr, np.full((H, W), 77, np.uint8)])
    return {
        "rgb.bmp": bmp(24, bmp_rows(bgr, 24)),
        "top-down.bmp": bmp(24, bmp_rows(bgr[::-1], 24), top_down=True),
        "unused-byte.bmp": bmp(32, bmp_rows(deep, 32)),
        "alpha.bmp": bmp(32, bmp_rows(deep, 32), size=124, compression=3, masks=(0xFF0000, 0xFF00, 0xFF, 0xFF000000)),
        "15-bit.bmp": bmp(16, bmp_rows(words([(3, 10), (3, 5), (3, 0)]).astype("<u2"), 16)),
        "16-bit.bmp": bmp(16, bmp_rows(words([(3, 11), (2, 5), (3, 0)]).astype("<u2"), 16), compression=3, masks=(0xF800, 0x7E0, 0x1F)),
        "palette-1.bmp": bmp(1, bmp_rows(indices(2), 1), palette=palette(2)),
        "palette-4.bmp": bmp(4, bmp_rows(indices(16), 4), palette=palette(16)),
        "palette-8.bmp": bmp(8, bmp_rows(indices(200), 8), palette=palette(200), size=108),
        "missing-colours.bmp": bmp(8, bmp_rows(indices(20), 8), palette=palette(15)),
        "os2.bmp": bmp(8, bmp_rows(indices(256), 8), size=12, palette=bytes(range(256)) * 3),
        "rle-8.bmp": bmp(8, run_lengths(indices(200), 8), compression=1, palette=palette(200)),
        "rle-4.bmp": bmp(4, run_lengths(indices(16), 4), compression=2, palette=palette(16)),
        "headless.dib": bmp(24, bmp_rows(bgr, 24), file_header=False),
    }


def decoded():
    out = {}
    for file in sorted(PICTURES.iterdir()):
        image = ImageOps.exif_transpose(Image.open(file))
        if image.mode == "I;16":  # Pillow's convert clips to 255; the high byte is what a sane reader keeps
            image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        a = np.asarray(image.convert("RGB"))
        out[file.name] = {"width": a.shape[1], "height": a.shape[0], **summary(a)}
    return out


FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def resizes():
    rng = np.random.default_rng(1)
    cases = []
    fixed = [(300, 200, 224, 224, None), (1, 1, 5, 7, None), (64, 64, 64, 64, None), (40, 80, 39, 20, None), (500, 375, 341, 256, None)]
    for n in range(60):
        w, h, ow, oh = (int(v) for v in rng.integers(1, 90, 4))
        box = None
        if n % 3 == 0:
            bx, by = np.sort(rng.uniform(0, w, 2)), np.sort(rng.uniform(0, h, 2))
            box = [float(bx[0]), float(by[0]), float(bx[1]), float(by[1])]
        if n % 7 == 0:
            ow = w
        if n % 11 == 0:
            oh = h
        fixed.append((w, h, ow, oh, box))
    for n, (w, h, ow, oh, box) in enumerate(fixed):
        for name, filter in FILTERS.items():
            kind = ["smooth", "noise", "extreme"][n % 3]
            a = np.asarray(Image.fromarray(formula(w, h, kind)).resize((ow, oh), filter, box=box))
            cases.append({"in": [w, h], "out": [ow, oh], "filter": name, "kind": kind, "box": box, **summary(a)})
    return cases


def crops():
    """RandomResizedCrop.get_params, its random numbers replaced by the given ones."""
    rng = np.random.default_rng(2)
    cases = []
    for width, height, scale, ratio in [
        (500, 375, (0.08, 1), (3 / 4, 4 / 3)),
        (300, 300, (0.5, 1), (3 / 4, 4 / 3)),
        (60, 400, (0.08, 1), (3 / 4, 4 / 3)),
        (400, 60, (0.9, 1), (3 / 4, 4 / 3)),
        (30, 400, (0.9, 1), (3 / 4, 4 / 3)),
        (33, 34, (1, 1), (1, 1)),
        (5, 4, (0.08, 1), (0.5, 2)),
    ]:
        for _ in range(6):
            u = (rng.integers(0, 2**24, 40) / 2**24).tolist()

            class Fake:
                """Stands for `torch.empty(1)`, whose uniform_ takes the next given number."""

                def __init__(self, draw):
                    self.draw = draw

                def uniform_(self, low, high):
                    low, high = torch.as_tensor(low).float(), torch.as_tensor(high).float()
                    return torch.tensor(u[self.draw]).float() * (high - low) + low

            # get_params draws in each try: area, aspect, and where they fit, row and column
            state = {"t": 0, "k": 0}

            def empty(_):
                if state["k"] == 2:
                    state.update(t=state["t"] + 1, k=0)
                fake = Fake(4 * state["t"] + state["k"])
                state["k"] += 1
                return fake

            def randint(low, high, size):
                value = low + math.floor(u[4 * state["t"] + state["k"]] * (high - low))
                state["k"] += 1
                return torch.tensor([value])

            real = torch.empty, torch.randint
            torch.empty, torch.randint = empty, randint
            try:
                top, left, h, w = T.RandomResizedCrop.get_params(
                    Image.new("RGB", (width, height)), list(scale), list(ratio)
                )
            finally:
                torch.empty, torch.randint = real
            cases.append(
                {"size": [width, height], "scale": scale, "ratio": ratio, "uniform": u, "area": [left, top, w, h]}
            )
    return cases


def transforms():
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    cases = []
    for w, h, resize, crop, name in [
        (341, 256, 256, 224, "bilinear"),
        (120, 90, 64, 56, "bilinear"),
        (90, 121, 64, 56, "bicubic"),
        (40, 30, 20, 33, "bilinear"),
        (30, 47, 20, 32, "bicubic"),
        (64, 64, 64, 64, "bilinear"),
    ]:
        pipeline = T.Compose(
            [
                T.Resize(resize, interpolation=getattr(T.InterpolationMode, name.upper())),
                T.CenterCrop(crop),
                T.ToTensor(),
                T.Normalize(mean, std),
            ]
        )
        out = pipeline(Image.fromarray(formula(w, h, "smooth"))).permute(1, 2, 0).contiguous().numpy()
        cases.append({"in": [w, h], "resizeSize": resize, "inputSize": crop, "interpolation": name, **summary(out)})
    return {"mean": mean, "std": std, "cases": cases}


def photos():
    """The evaluation preset from file to tensor on the photographs that ship."""
    pipeline = T.Compose(
        [T.Resize(256), T.CenterCrop(224), T.ToTensor(), T.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))]
    )
    files = sorted((HERE.parent.parent / "data" / "photos").glob("*.jpg"))
    return {
        f.name: summary(pipeline(Image.open(f).convert("RGB")).permute(1, 2, 0).contiguous().numpy()) for f in files
    }


if __name__ == "__main__":
    save_pictures()
    data = {"decoded": decoded(), "resizes": resizes(), "crops": crops(), "transforms": transforms(), "photos": photos()}
    text = "{\n" + ",\n".join(f'"{key}": {json.dumps(value)}' for key, value in data.items()) + "\n}\n"
    (HERE / "data.json").write_text(text)
