"""Example queries of the TAP service (DALI 1.1, section 2.3): XHTML with RDFa, for TOPCAT, pyvo and people."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import NamedTuple


class Example(NamedTuple):
    """A query that can be run as it stands, what it is about, and the tables it asks."""

    title: str
    about: str
    tables: tuple[str, ...]
    adql: str


EXAMPLES = (
    Example(
        "Objects near a position with magnitudes",
        "A cone search of 0.05 degrees. It reads only the part of the table that holds the cone.",
        ("dp1.Object",),
        "SELECT objectId, coord_ra, coord_dec, g_cModelMag, r_cModelMag, i_cModelMag\nFROM dp1.Object\n"
        "WHERE CONTAINS(POINT('ICRS', coord_ra, coord_dec), CIRCLE('ICRS', 62.0, -37.0, 0.05)) = 1",
    ),
    Example(
        "Magnitudes from fluxes",
        "Fluxes are in nJy; the function gives AB magnitudes, and nothing for a flux that is not positive.",
        ("dp02_dc2_catalogs.Object",),
        "SELECT TOP 1000 objectId, scisql_nanojanskyToAbMag(g_cModelFlux) AS gmag,\n"
        "  scisql_nanojanskyToAbMagSigma(g_cModelFlux, g_cModelFluxErr) AS gmag_err\nFROM dp02_dc2_catalogs.Object\n"
        "WHERE CONTAINS(POINT('ICRS', coord_ra, coord_dec), CIRCLE('ICRS', 62.0, -37.0, 0.05)) = 1\n"
        "  AND detect_isPrimary = 1 AND g_cModelFlux > 360",
    ),
    Example(
        "Forced photometry of the objects at a position, with times",
        "Light curves: the fluxes carry no time, so they are joined to the visits.",
        ("dp1.Object", "dp1.ForcedSource", "dp1.Visit"),
        "SELECT v.expMidptMJD, f.objectId, f.band, f.psfFlux, f.psfFluxErr\nFROM dp1.Object AS o\n"
        "JOIN dp1.ForcedSource AS f ON f.objectId = o.objectId\nJOIN dp1.Visit AS v ON f.visit = v.visit\n"
        "WHERE CONTAINS(POINT('ICRS', o.coord_ra, o.coord_dec), CIRCLE('ICRS', 62.0, -37.0, 0.002)) = 1\n"
        "ORDER BY expMidptMJD",
    ),
    Example(
        "A two-dimensional histogram",
        "Counts in bins of colour and magnitude, made by the service: a small answer whatever the table's size.",
        ("dp1.Object",),
        "SELECT colour, mag, COUNT(*) AS n\nFROM (\n  SELECT FLOOR(10 * (g_cModelMag - r_cModelMag)) AS colour, "
        "FLOOR(4 * r_cModelMag) AS mag\n  FROM dp1.Object\n  WHERE r_cModelMag < 26\n) AS bins\n"
        "GROUP BY colour, mag",
    ),
    Example(
        "Coadded images over a point",
        "The column access_url leads to the files and cutouts of an image (DataLink).",
        ("ivoa.ObsCore",),
        "SELECT obs_publisher_did, access_url, lsst_band, s_region\nFROM ivoa.ObsCore\n"
        "WHERE dataproduct_subtype = 'lsst.deep_coadd'\nAND CONTAINS(POINT('ICRS', 62.0, -37.0), s_region) = 1",
    ),
    Example(
        "Columns by what they mean",
        "TAP_SCHEMA lists every table and column with its unit and UCD.",
        ("tap_schema.columns",),
        "SELECT table_name, column_name, unit, description\nFROM tap_schema.columns\n"
        "WHERE ucd LIKE 'pos.eq.ra%'\nORDER BY table_name",
    ),
)


def examples_html(examples: Iterable[Example] = EXAMPLES) -> str:
    """The document. Each example has the properties name, query and table of TAP 1.1, section 2.4.2."""
    parts = "".join(
        f'<div typeof="example" id="e{number}" resource="#e{number}"><h2 property="name">{escape(item.title)}</h2>'
        f"<p>{escape(item.about)} Tables: "
        + ", ".join(f'<span property="table">{escape(table)}</span>' for table in item.tables)
        + f'</p><pre property="query">{escape(item.adql)}</pre></div>\n'
        for number, item in enumerate(examples, 1)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE html>'
        '<html xmlns="http://www.w3.org/1999/xhtml"><head><title>Example queries</title></head>'
        f'<body vocab="http://www.ivoa.net/rdf/examples#"><h1>Example queries</h1>\n{parts}</body></html>'
    )
