"""Queries that both engines must answer with the same rows: sorted by unique keys, or one row alone."""

from __future__ import annotations

TO_SPARK = {
    "counts": "SELECT COUNT(*) AS n, COUNT(DISTINCT band) AS bands, MIN(psfFlux) AS least, MAX(psfFlux) AS most "
    "FROM dp1.ForcedSource",
    "groups": "SELECT band, COUNT(*) AS n, AVG(psfFlux) AS mean, STDDEV(psfFlux) AS spread, MEDIAN(psfFlux) AS middle, "
    "SUM(psfFlux_flag) AS bad FROM dp1.ForcedSource GROUP BY band ORDER BY band",
    "histogram": "SELECT FLOOR(scisql_nanojanskyToAbMag(psfFlux) * 2) / 2 AS mag, COUNT(*) AS n FROM dp1.Source "
    "GROUP BY FLOOR(scisql_nanojanskyToAbMag(psfFlux) * 2) / 2 ORDER BY mag",
    "sky bins": "SELECT FLOOR(coord_ra * 20) AS x, FLOOR(coord_dec * 20) AS y, COUNT(*) AS n, MAX(objectId) AS last "
    "FROM dp1.Object GROUP BY FLOOR(coord_ra * 20), FLOOR(coord_dec * 20) ORDER BY x, y",
    "pixels": "SELECT ivo_healpix_index(10, coord_ra, coord_dec) AS pixel, COUNT(*) AS n FROM dp1.Object "
    "GROUP BY ivo_healpix_index(10, coord_ra, coord_dec) ORDER BY n DESC, pixel",
    "top": "SELECT TOP 50 objectId, coord_ra, coord_dec, g_psfFlux, g_psfMag, g_psfMag - r_psfMag AS colour, "
    "refExtendedness FROM dp1.Object WHERE g_psfFlux > 300 AND detect_isIsolated = 1 ORDER BY g_psfFlux DESC, objectId",
    "sorted": "SELECT sourceId, visit, detector, ra, dec, psfFlux, psfFluxErr FROM dp1.Source "
    "WHERE psfFlux / psfFluxErr > 20 ORDER BY sourceId",
    "offset": "SELECT objectId, coord_ra FROM dp1.Object WHERE coord_dec IS NOT NULL ORDER BY objectId OFFSET 25",
    "join": "SELECT o.objectId, COUNT(*) AS n, MIN(f.psfFlux) AS least, MAX(f.psfFlux) - MIN(f.psfFlux) AS swing "
    "FROM dp1.Object AS o JOIN dp1.ForcedSource AS f ON f.objectId = o.objectId WHERE o.refExtendedness = 0 "
    "GROUP BY o.objectId HAVING COUNT(*) > 2 ORDER BY n DESC, o.objectId",
    "outer join": "SELECT s.visit, s.detector, COUNT(s.sourceId) AS n, MAX(v.expMidptMJD) AS mjd FROM dp1.Source AS s "
    "LEFT JOIN dp1.Visit AS v ON v.visit = s.visit GROUP BY s.visit, s.detector ORDER BY s.visit, s.detector",
    "near": "SELECT o.objectId, s.sourceId, DISTANCE(POINT(s.ra, s.dec), POINT(o.coord_ra, o.coord_dec)) AS apart "
    "FROM dp1.Object AS o JOIN dp1.Source AS s ON DISTANCE(POINT(s.ra, s.dec), POINT(o.coord_ra, o.coord_dec)) "
    "< 0.0003 WHERE s.psfFlux > 5000 ORDER BY o.objectId, s.sourceId",
    "with": "WITH bright (id, mag) AS (SELECT objectId, r_psfMag FROM dp1.Object WHERE r_psfMag < 23) "
    "SELECT FLOOR(mag) AS bin, COUNT(*) AS n, MIN(id) AS first FROM bright GROUP BY FLOOR(mag) ORDER BY bin",
    "in": "SELECT objectId, tract, patch FROM dp1.Object WHERE objectId IN "
    "(SELECT objectId FROM dp1.ForcedSource WHERE psfFlux > 20000) ORDER BY objectId",
    "union": "SELECT band, visit FROM dp1.Source WHERE psfFlux > 10000 UNION SELECT band, visit FROM dp1.ForcedSource "
    "WHERE psfFlux > 10000 ORDER BY band, visit",
    "except": "SELECT visit FROM dp1.ForcedSource EXCEPT SELECT visit FROM dp1.Source WHERE band = 'r' ORDER BY visit",
    "distinct": "SELECT DISTINCT band, detector FROM dp1.ForcedSource ORDER BY band, detector",
    "texts": "SELECT UPPER(band) || '-' || CAST(visit AS VARCHAR) AS label, CHAR_LENGTH(band) AS n, COUNT(*) AS rows_ "
    "FROM dp1.Source WHERE band LIKE '%' AND band IN ('g', 'r', 'i') GROUP BY band, visit ORDER BY label",
    "case": "SELECT CASE WHEN psfFlux < 0 THEN 'negative' WHEN psfFlux < 1000 THEN 'faint' ELSE 'bright' END AS kind, "
    "COUNT(*) AS n FROM dp1.ForcedSource GROUP BY CASE WHEN psfFlux < 0 THEN 'negative' WHEN psfFlux < 1000 THEN "
    "'faint' ELSE 'bright' END ORDER BY kind",
    "numbers": "SELECT objectId, ROUND(coord_ra, 3) AS r, CEILING(g_psfFlux / 7) AS c, "
    "CAST(r_psfFlux AS INTEGER) AS w, "
    "TRUNCATE(coord_dec, 2) AS t, MOD(objectId, 7) AS m, ABS(coord_dec) AS a, SIGN(r_psfFlux) AS s, "
    "g_psfFlux * 2 + r_psfFlux / 3 AS f, LOG10(r_psfFlux) AS l, BIT_XOR(tract, 3) AS x, "
    "SIN(coord_ra) * COS(coord_dec) AS p, GREATEST(g_psfFlux, r_psfFlux, 0) AS most FROM dp1.Object "
    "WHERE MOD(objectId, 5) = 0 ORDER BY objectId",
    "not in a region": "SELECT COUNT(*) AS n, SUM(psfFlux) AS light FROM dp1.Source WHERE CONTAINS(POINT(ra, dec), "
    "CIRCLE(53, -28, 0.1)) = 0 AND INTERSECTS(POINT(ra, dec), POLYGON(52, -27, 54, -27, 53, -29)) = 0",
    "no rows": "SELECT objectId, g_psfFlux FROM dp1.Object WHERE g_psfFlux > 1e30 ORDER BY objectId",
    "other release": "SELECT ccdVisitId, COUNT(*) AS n FROM dp02_dc2_catalogs.Source GROUP BY ccdVisitId "
    "ORDER BY ccdVisitId",
}  # fmt: skip
TO_DUCK = {
    "cone": "SELECT objectId FROM dp1.Object WHERE CONTAINS(POINT(coord_ra, coord_dec), CIRCLE(53, -28, 0.1)) = 1",
    "id": "SELECT visit, psfFlux FROM dp1.ForcedSource WHERE objectId = 1",
    "first rows": "SELECT * FROM dp1.Object",
    "schema": "SELECT COUNT(*) AS n FROM tap_schema.columns",
    "random": "SELECT objectId FROM dp1.Object WHERE RAND() < 0.1 ORDER BY objectId",
    "outline": "SELECT COUNT(*) AS n FROM ivoa.ObsCore WHERE AREA(s_region) > 0.01",
}  # fmt: skip
