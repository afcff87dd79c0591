"""The HDUs of a FITS file (FITS 4.0, sections 3 and 4): headers and where data lie, believing no size.

Walks by itself: a header of any length, a table that claims 80 GB or a compressed image must cost nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from portal.errors import FormatError, LimitError

BLOCK = 2880
HEADER_LIMIT = 8 << 20  # bytes, 100,000 cards; the longest known have 10,000
MOST_HDUS = 2_000


class Hdu(NamedTuple):
    """One HDU. ``header`` is astropy's; ``start`` and ``size`` (bytes) of its data, ``there`` how much the file has."""

    number: int
    header: object
    start: int
    size: int
    there: int

    @property
    def is_table(self) -> bool:
        """A binary or ASCII table that is no compressed image."""
        return self.value("XTENSION") in ("BINTABLE", "A3DTABLE", "TABLE") and not self.header.get("ZIMAGE")

    @property
    def name(self) -> str:
        return self.value("EXTNAME")

    def value(self, key: str) -> str:
        """A card's value as text, "" when there is none or it cannot be read."""
        return "" if (found := self._read(key)) is None else str(found).strip()

    def whole(self, key: str, default: int = 0) -> int:
        """A card's value as a whole number of zero or more; FormatError for anything else."""
        found = self._read(key)
        if found is None:
            return default
        if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found < 1 << 62:
            raise FormatError(f"The FITS header has {key} = {found!r}, which cannot be.")
        return found

    def number_of(self, key: str, default: float) -> float:
        """A card's value as a number."""
        found = self._read(key)
        return found if isinstance(found, int | float) and not isinstance(found, bool) else default

    def _read(self, key: str) -> object:
        from astropy.io.fits.verify import VerifyError

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return self.header.get(key)
        except (VerifyError, ValueError):
            return None


def hdus(file: BinaryIO, size: int) -> Iterator[Hdu]:
    """The HDUs of a file of ``size`` bytes in order. Raises FormatError for no header, LimitError for floods."""
    from astropy.io import fits

    at = 0
    for number in range(MOST_HDUS):
        file.seek(at)
        blocks: list[bytes] = []
        while not blocks or not _ends(blocks[-1]):
            block = file.read(BLOCK)
            if len(block) < BLOCK:
                if number and not blocks and block[:8] != b"XTENSION":
                    return  # bytes behind the last HDU belong to no one
                raise FormatError("The FITS file ends inside a header.", "It was probably cut.")
            if not blocks and block[:8] not in (b"SIMPLE  ", b"XTENSION"):
                if number:
                    return
                raise FormatError("The FITS file does not begin with SIMPLE.")
            blocks.append(block)
            if len(blocks) * BLOCK > HEADER_LIMIT:
                raise LimitError(f"A header of the FITS file is longer than {HEADER_LIMIT >> 20} MB.")
        at += len(blocks) * BLOCK
        try:
            header = fits.Header.fromstring(b"".join(blocks))
        except (ValueError, OSError) as error:
            raise FormatError(f"A header of the FITS file cannot be read ({error}).") from None
        hdu = Hdu(number, header, at, 0, 0)
        length = _length(hdu)
        yield hdu._replace(size=length, there=max(0, min(length, size - at)))
        at += -(-length // BLOCK) * BLOCK
        if at >= size:
            return


def _ends(block: bytes) -> bool:
    return any(block[at : at + 8] == b"END     " and not block[at + 8 : at + 80].strip() for at in range(0, BLOCK, 80))


def _length(hdu: Hdu) -> int:
    """Bytes of data (FITS 4.0, equation 2); random groups are stepped over likewise."""
    axes = hdu.whole("NAXIS")
    if axes > 999:
        raise FormatError(f"The FITS header has NAXIS = {axes}, which cannot be.")
    if not axes:
        return 0
    lengths = [hdu.whole(f"NAXIS{axis}") for axis in range(1, axes + 1)]
    if lengths[0] == 0 and hdu.header.get("GROUPS"):
        lengths = lengths[1:]
    items = 1
    for length in lengths:
        items *= length
    bits = abs(int(hdu.number_of("BITPIX", 8)))
    return bits // 8 * hdu.whole("GCOUNT", 1) * (hdu.whole("PCOUNT") + items)
