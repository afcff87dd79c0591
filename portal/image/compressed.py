"""Pixels of a tile-compressed image (FITS 4.0, section 10): RICE_1, GZIP_1, GZIP_2, any tiles, also some rows only."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np

from portal.errors import FormatError
from portal.image.codec import DITHER, DITHER_1, DITHER_2, NO_DITHER, restored, rice_tiles
from portal.image.headers import Part
from portal.image.pixels import TYPES
from portal.image.plane import room, row_numbers

OURS = ("RICE_1", "RICE_ONE", "GZIP_1", "GZIP_2")
WIDTHS = {"L": 1, "X": 1, "B": 1, "I": 2, "J": 4, "K": 8, "A": 1, "E": 4, "D": 8, "C": 8, "M": 16, "P": 8, "Q": 16}
NO_BLANK = 1 << 40  # no pixel has it
LARGEST_TILE = 1 << 24  # pixels: 64 MiB while one is unpacked


class Packed:
    """A compressed image in a file's bytes (uint8). Raises FormatError for what cannot be unpacked."""

    def __init__(self, buffer: np.ndarray, part: Part) -> None:
        self.part, self._hdu, self._bitpix = part, part.hdu, part.bitpix
        self._method = self._hdu.value("ZCMPTYPE")
        self._columns(buffer)
        nx, ny = part.axes[:2]
        tile = [self._hdu.whole(f"ZTILE{at}", part.axes[0] if at == 1 else 1) for at in range(1, len(part.axes) + 1)]
        if min(tile) < 1:
            raise FormatError("The compressed image has tiles of no size.", "The file is damaged.")
        self._tile = [min(one, axis) for one, axis in zip(tile, part.axes)]
        self._grid = [-(-axis // one) for axis, one in zip(part.axes, self._tile)]
        if np.prod([float(n) for n in self._grid]) != self._places.shape[0]:
            raise FormatError("The compressed image has not as many tiles as its size needs.", "The file is damaged.")
        if np.prod([float(n) for n in self._tile]) > LARGEST_TILE:
            raise FormatError("The tiles of the compressed image are too large.", "Ask for a cutout.")
        settings = {self._hdu.value(f"ZNAME{at}"): int(self._hdu.number_of(f"ZVAL{at}", 0)) for at in (1, 2, 3)}
        self._block, self._width = settings.get("BLOCKSIZE", 32), settings.get("BYTEPIX", 4)
        if not 1 <= self._block <= 1 << 16 or self._width not in (1, 2, 4):
            raise FormatError("The Rice code of the compressed image is of no known kind.", "The file is damaged.")
        self.shape = ny, nx

    @property
    def floats(self) -> bool:
        """Whether floats were made whole numbers before they were compressed."""
        return self._scaling is not None

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(TYPES[self._bitpix]).newbyteorder("=")

    @property
    def _decoded(self) -> np.dtype:
        """Rice code gives whole numbers of four bytes, whatever they were before."""
        return np.dtype(np.int32) if self._method.startswith("RICE") and self._bitpix > 0 else self.dtype

    @property
    def has_rows(self) -> bool:
        """Whether a row can be had without many others."""
        return self._tile[1] == 1 and self._tile[0] == self.part.axes[0]

    def pixels(self, plane: int, scratch: Path) -> np.ndarray:
        """A plane, counted over axes 3 and up."""
        out = room(self.shape, self._decoded, scratch)
        across, up = np.meshgrid(np.arange(self._grid[0]), np.arange(self._grid[1]))
        self._unpack(across.ravel(), up.ravel(), up.ravel() * self._tile[1], plane, out)
        return out.astype(self.dtype, copy=False)

    def rows(self, plane: int, step: int) -> np.ndarray:
        """Some rows, see ``Plane.rows``; only with ``has_rows``."""
        chosen = row_numbers(self.shape[0], step)
        out = np.zeros((chosen.size, self.shape[1]), self._decoded)
        self._unpack(np.zeros_like(chosen), chosen, np.arange(chosen.size), plane, out)
        return out.astype(self.dtype, copy=False)

    def _unpack(self, across: np.ndarray, up: np.ndarray, y: np.ndarray, plane: int, out: np.ndarray) -> None:
        """Tiles (across, up) of a plane into ``out``, their first rows at ``y``."""
        nx, ny = self.part.axes[:2]
        number, depth, layer = self._depth(plane)
        tiles = (number * self._grid[1] + up) * self._grid[0] + across
        width = np.minimum(self._tile[0], nx - across * self._tile[0])
        height = np.minimum(self._tile[1], ny - up * self._tile[1])
        boxes = np.stack([y, across * self._tile[0], height, width], axis=1).astype(np.int64)
        area = (height * width).astype(np.int64)
        skips = np.stack([layer * area, depth * area], axis=1)
        places, rows = self._places[tiles], tiles + max(0, self._hdu.whole("ZDITHER0", 1) - 1)
        scaling = self._scaling[tiles] if self.floats else np.zeros((tiles.size, 2))
        blanks = self._blanks[tiles]
        left = range(tiles.size)
        if self._method.startswith("RICE"):
            bad = rice_tiles(
                self._heap, places, scaling, blanks, self._dither, rows, DITHER, self._width, self._block, boxes,
                skips, self.floats, out,
            )  # fmt: skip
            if bad >= 0:
                raise FormatError(f"Tile {tiles[bad] + 1} of the compressed image is damaged.", "Fetch the file again.")
            left = np.flatnonzero(places[:, 1] == 0)
        for at in left:
            before, total = (int(n) for n in skips[at])
            flat = self._tile_numbers(int(tiles[at]), places[at], total)
            top, x, high, wide = boxes[at]
            if self.floats and flat.dtype.kind == "i":
                values = np.empty(total, out.dtype)
                restored(flat, *scaling[at], blanks[at], self._dither, rows[at], DITHER, values)
                flat = values
            out[top : top + high, x : x + wide] = flat[before : before + high * wide].reshape(high, wide)

    def _tile_numbers(self, tile: int, place: np.ndarray, total: int) -> np.ndarray:
        """A tile of GZIP, or one whose floats were kept as they are; native byte order, flat."""
        method, numbers = self._method, self.floats
        if not place[1]:
            kept = [(name, places[tile]) for name, places in self._others if places[tile][1]]
            if not kept:
                raise FormatError(f"Tile {tile + 1} of the compressed image is empty.", "Fetch the file again.")
            (method, place), numbers = kept[0], False
        start, size = int(place[0]), int(place[1])
        content = self._heap[start : start + size].tobytes()
        if method.startswith("GZIP"):
            try:
                content = zlib.decompressobj(47).decompress(content, 8 * total)
            except zlib.error as error:
                raise FormatError(f"Tile {tile + 1} of the compressed image is damaged ({error}).") from None
        width = len(content) // total
        if width not in (1, 2, 4, 8) or width * total != len(content):
            raise FormatError(f"Tile {tile + 1} of the compressed image has not as many pixels as it should.")
        if method == "GZIP_2":
            content = np.frombuffer(content, np.uint8).reshape(width, total).T.tobytes()
        letter = "f" if self._bitpix < 0 and not numbers else "u" if width == 1 else "i"
        if letter == "f" and width < 4:
            raise FormatError(f"Tile {tile + 1} of the compressed image has not as many pixels as it should.")
        found = np.frombuffer(content, f">{letter}{width}")
        return found.astype(np.int32 if numbers else found.dtype.newbyteorder("="))

    def _depth(self, plane: int) -> tuple[int, int, int]:
        """For a plane: the number of its layer of tiles, the planes in such a layer, and which of them it is."""
        number, depth, layer, stride, count = 0, 1, 0, 1, 1
        for axis, tile, grid in zip(self.part.axes[2:], self._tile[2:], self._grid[2:]):
            plane, at = divmod(plane, axis)
            size = min(tile, axis - at // tile * tile)
            number += at // tile * stride
            layer += at % tile * depth
            stride, depth, count = stride * grid, depth * size, count * axis
        return number, depth, layer

    def _columns(self, buffer: np.ndarray) -> None:
        """The table's columns: where each tile's bytes lie, its scale, zero and blank."""
        hdu = self._hdu
        rows, size = hdu.whole("NAXIS2"), hdu.whole("NAXIS1")
        table = buffer[hdu.start : hdu.start + rows * size].reshape(rows, size)
        heap = hdu.start + hdu.whole("THEAP", rows * size)
        self._heap = buffer[heap : hdu.start + hdu.there]
        found, at = {}, 0
        for number in range(1, min(hdu.whole("TFIELDS"), 999) + 1):
            form = hdu.value(f"TFORM{number}")
            digits = form[: len(form) - len(form.lstrip("0123456789"))]
            letter = form[len(digits) : len(digits) + 1]
            if letter not in WIDTHS:
                raise FormatError(f"The compressed image has a column of type {form[:20]!r}.", "The file is damaged.")
            found[hdu.value(f"TTYPE{number}").upper()] = letter, at, form[len(digits) + 1 : len(digits) + 2]
            at += int(digits or 1) * WIDTHS[letter]
        if at > size or "COMPRESSED_DATA" not in found:
            raise FormatError("The compressed image has no table of tiles.", "The file is damaged.")

        def column(name: str) -> np.ndarray | None:
            if name not in found:
                return None
            letter, start, _ = found[name]
            kind = {"P": "2>i4", "Q": "2>i8", "D": ">f8", "E": ">f4", "J": ">i4", "I": ">i2", "K": ">i8", "B": "u1"}
            if letter not in kind:
                raise FormatError(f"The compressed image has {name} as {letter}.", "The file is damaged.")
            kind = np.dtype(kind[letter])
            return np.ascontiguousarray(table[:, start : start + kind.itemsize]).view(kind.base)

        def places(name: str) -> np.ndarray | None:
            if (one := column(name)) is None:
                return None
            size, start = one[:, 0].astype(np.int64), one[:, 1].astype(np.int64)
            width = {"E": 4, "D": 8, "J": 4, "I": 2}.get(found[name][2], 1)
            size *= width
            if (size < 0).any() or (start < 0).any() or (start > self._heap.size - size).any():
                raise FormatError("Tiles of the compressed image lie outside the file.", "It was probably cut.")
            return np.stack([start, size], axis=1)

        self._places = places("COMPRESSED_DATA")
        names = (("GZIP_1", "GZIP_COMPRESSED_DATA"), ("NONE", "UNCOMPRESSED_DATA"))
        self._others = [(method, one) for method, name in names if (one := places(name)) is not None]
        scale, zero = ((column(name), hdu.number_of(name, np.nan)) for name in ("ZSCALE", "ZZERO"))
        self._scaling = None
        if self._bitpix < 0 and (scale[0] is not None or np.isfinite(scale[1])):
            pair = [np.broadcast_to(np.ravel(one if one is not None else card), rows) for one, card in (scale, zero)]
            self._scaling = np.stack(pair, axis=1).astype(np.float64)
        blank = column("ZBLANK")
        if blank is None:
            blank = hdu.number_of("ZBLANK", hdu.number_of("BLANK", NO_BLANK))
        self._blanks = np.broadcast_to(np.ravel(blank), rows).astype(np.int64)
        kinds = {"SUBTRACTIVE_DITHER_1": DITHER_1, "SUBTRACTIVE_DITHER_2": DITHER_2}
        self._dither = kinds.get(hdu.value("ZQUANTIZ"), NO_DITHER)
