"""Images as the viewer needs them: foreign FITS files to frames, and frames to tiles, values, cuts and positions.

Knows pixels, mask planes and world coordinates; knows nothing of pages, rows or services.
"""

from portal.image.file import ImageFile
from portal.image.frame import Frame, Lsst, Reading
from portal.image.frames import Frames

__all__ = ["Frame", "Frames", "ImageFile", "Lsst", "Reading"]
