"""A FITS file on its way to frames: its HDUs and headers, and the planes of the one that is shown."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from portal.errors import FormatError
from portal.image.frame import Frame, Lsst, Planes
from portal.image.masks import mask_bits


class ImageFile:
    """An opened file. ``hdus`` lists {"index", "name", "kind", "shape"} of every HDU (shape as NAXIS1, NAXIS2, ...)."""

    def __init__(self, title: str, source: str, hdus: tuple[dict[str, Any], ...], planes: Planes, cards: Any) -> None:
        self.title, self.source, self.hdus, self._planes, self._cards = title, source, hdus, planes, cards

    @classmethod
    def open(cls, source: bytes | Path, title: str, scratch: Path, name: str = "") -> ImageFile:
        """Raises FormatError for anything that cannot be shown."""
        try:
            with fits.open(BytesIO(source) if isinstance(source, bytes) else source, memmap=False) as hdus:
                listed = tuple(
                    {
                        "index": i,
                        "name": hdu.name,
                        "kind": "image" if hdu.is_image else "table",
                        "shape": [hdu.header[f"NAXIS{k + 1}"] for k in range(hdu.header["NAXIS"])],
                    }
                    for i, hdu in enumerate(hdus)
                )
                cards = [[[c.keyword, str(c.value), c.comment] for c in hdu.header.cards] for hdu in hdus]
                flat = [i for i, hdu in enumerate(hdus) if hdu.is_image and len(hdu.shape) == 2]
                image = hdus[flat[0]]
                mask = hdus[flat[1]] if len(flat) > 1 else None
                variance = hdus[flat[2]] if len(flat) > 2 else None
                wcs = WCS(image.header, fix=False)
                planes = Planes(
                    np.asarray(image.data, np.float32),
                    None if mask is None else mask.data.astype(np.int32),
                    None if variance is None else np.asarray(variance.data, np.float32),
                    () if mask is None else mask_bits(mask.header),
                    str(image.header.get("BUNIT", "")),
                    str(hdus[0].header.get("BAND", "")),
                    Lsst(-int(image.header.get("LTV1", 0)), -int(image.header.get("LTV2", 0))),
                    wcs.celestial if wcs.has_celestial else None,
                    flat[0],
                )
        except (OSError, IndexError) as error:
            raise FormatError(f"{title} is not a FITS image ({error}).") from error
        return cls(title, name, listed, planes, cards)

    def frame(self) -> Frame:
        return Frame(self.title, self._planes, self.source, self.hdus, cards=self._cards)
