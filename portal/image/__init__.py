"""Images as the viewer needs them: foreign FITS files to frames, and frames to tiles, values, cuts and positions.

Knows pixels, mask planes and world coordinates; knows nothing of pages, rows or services.
"""

from portal.image.file import ImageFile
from portal.image.frame import Frame, Reading
from portal.image.frames import Frames
from portal.image.planes import Lsst, Planes

__all__ = ["Frame", "Frames", "ImageFile", "Lsst", "Planes", "Reading"]
