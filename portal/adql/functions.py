"""The one list of functions an ADQL query may call: how they are written, what they mean, what the engine is told.

Capabilities, completion, help, checks and translators all read this list. Geometry and IN_UNIT have no template:
``geometry.py`` and ``special.py`` write them. Everything else is a DuckDB expression with the arguments as ``{0}``,
``{1}``, in brackets of its own where it is more than a call; arguments outside a function's domain give NULL, as
Qserv's MySQL does, so that one bad row never ends a query.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from portal.adql.htm import HTM_ID, HTM_LEVEL

MANY = 10_000


@dataclass(frozen=True, slots=True)
class Function:
    """One function. ``result`` is the VOTable datatype, "=" that of the first argument, "" left to the engine."""

    name: str
    kind: str
    signature: str
    description: str
    least: int
    most: int
    duck: str = ""
    result: str = ""
    unit: str = ""
    ucd: str = ""

    @property
    def aggregate(self) -> bool:
        return self.kind == "aggregate"

    @property
    def standard(self) -> bool:
        """Whether ADQL 2.1 itself has it; the others are user-defined functions to a TAP client."""
        return self.name in _STANDARD or (self.kind in ("geometry", "math") and self.name not in _OWN)

    @property
    def form(self) -> str:
        """The signature with types, as TAPRegExt 1.0 (section 2.3) wants it: ``f(x DOUBLE) -> DOUBLE``."""
        spelled, _, rest = self.signature.partition("(")
        inside = rest.rpartition(")")[0]
        names = [name.strip(" []'") for name in inside.split(",") if "..." not in name]
        usual = "BIGINT" if self.kind == "bit" else "DOUBLE"
        typed = ", ".join(f"{name} {_ARGUMENTS.get(name.lower(), usual)}" for name in names if name)
        return f"{spelled}({typed}) -> {_RESULTS.get(self.result, usual)}"

    def write(self, items: list[str]) -> str:
        """The template with the arguments' SQL in their places, in one pass: an argument is never read as template."""
        return _PLACES.sub(
            lambda found: ", ".join(items) if found[1] == "*" else items[int(found[1])],
            self.duck,
        )


_PLACES = re.compile(r"\{(\d|\*)\}")
_STANDARD = {"LOWER", "UPPER", "COALESCE", "IN_UNIT", "COUNT", "SUM", "AVG", "MIN", "MAX"}
_OWN = {"CEIL", "LN", "SIGN"}
_RESULTS = {"int": "INTEGER", "long": "BIGINT", "char": "VARCHAR"}
_ARGUMENTS = {
    "id": "BIGINT",
    **dict.fromkeys(("order", "level", "start", "length"), "INTEGER"),
    **dict.fromkeys(("text", "pattern", "word", "list", "item", "separator", "unit", "part", "other"), "VARCHAR"),
}

# TAPRegExt 1.0 names of what ADQL 2.1 leaves to each service (sections 4.5 to 4.9), beside geometry and functions.
LANGUAGE_FEATURES: dict[str, tuple[str, ...]] = {
    "features-adql-string": ("LOWER", "UPPER", "ILIKE"),
    "features-adql-sets": ("UNION", "EXCEPT", "INTERSECT"),
    "features-adql-common-table": ("WITH",),
    "features-adql-type": ("CAST",),
    "features-adql-unit": ("IN_UNIT",),
    "features-adql-offset": ("OFFSET",),
    "features-adql-conditional": ("COALESCE",),
}


def _geometry() -> list[Function]:
    def one(name: str, signature: str, text: str, least: int, most: int, result: str = "", unit: str = "") -> Function:
        return Function(name, "geometry", signature, text, least, most, "", result, unit)

    return [
        one("POINT", "POINT(['ICRS',] ra, dec)", "A position on the sky, degrees.", 2, 3),
        one("CIRCLE", "CIRCLE(['ICRS',] ra, dec, radius)", "A circle on the sky, all in degrees.", 2, 4),
        one("POLYGON", "POLYGON(['ICRS',] ra1, dec1, ra2, dec2, ra3, dec3, ...)", "Great circle edges.", 3, MANY),
        one("BOX", "BOX(['ICRS',] ra, dec, width, height)", "A box about its centre, degrees.", 3, 5),
        one("CONTAINS", "CONTAINS(point, region)", "1 where the point lies in the region, else 0.", 2, 2, "int"),
        one("INTERSECTS", "INTERSECTS(region, region)", "1 where the regions share a point, else 0.", 2, 2, "int"),
        one("DISTANCE", "DISTANCE(point, point)", "Angle between two positions, degrees.", 2, 4, "double", "deg"),
        one("COORD1", "COORD1(point)", "Right ascension of a point, degrees.", 1, 1, "double", "deg"),
        one("COORD2", "COORD2(point)", "Declination of a point, degrees.", 1, 1, "double", "deg"),
        one("AREA", "AREA(region)", "Area of a region, square degrees.", 1, 1, "double", "deg**2"),
        one("CENTROID", "CENTROID(region)", "Centre of a region, a point.", 1, 1),
        one("COORDSYS", "COORDSYS(region)", "Coordinate system of a geometry: ICRS.", 1, 1, "char"),
        one("REGION", "REGION('stc-s')", "A region in simple STC-S, such as 'CIRCLE ICRS 62 -37 0.5'.", 1, 1),
    ]


def _math() -> list[Function]:
    def one(name: str, text: str, duck: str, result: str = "double", arguments: str = "x") -> Function:
        count = arguments.count(",") + 1 if arguments else 0
        least = count - (1 if "[" in arguments else 0)
        return Function(name, "math", f"{name}({arguments})", text, least, count, duck, result)

    positive = "CASE WHEN {0} > 0 THEN {0} END"
    unit = "CASE WHEN abs({0}) <= 1 THEN {0} END"
    return [
        one("ABS", "Absolute value.", "abs({0})", "="),
        one("CEILING", "Smallest whole number not below x.", "ceil({0})", ""),
        one("CEIL", "Same as CEILING.", "ceil({0})", ""),
        one("FLOOR", "Largest whole number not above x.", "floor({0})", ""),
        one("ROUND", "Rounded to n decimals (0).", "round({0}, {1})", "", "x [, n]"),
        one("TRUNCATE", "Cut to n decimals (0).", "(trunc(({0}) * pow(10, {1})) / pow(10, {1}))", "double", "x [, n]"),
        one("MOD", "Remainder of x / y.", "(({0}) % nullif({1}, 0))", "", "x, y"),
        one("POWER", "x to the power y.", "pow({0}, {1})", "double", "x, y"),
        one("SQRT", "Square root.", "sqrt(CASE WHEN {0} >= 0 THEN {0} END)"),
        one("EXP", "e to the power x.", "exp({0})"),
        one("LOG", "Natural logarithm.", f"ln({positive})"),
        one("LN", "Natural logarithm.", f"ln({positive})"),
        one("LOG10", "Logarithm to base 10.", f"log10({positive})"),
        one("SIN", "Sine of an angle in radians.", "sin({0})"),
        one("COS", "Cosine of an angle in radians.", "cos({0})"),
        one("TAN", "Tangent of an angle in radians.", "tan({0})"),
        one("COT", "Cotangent of an angle in radians.", "(1 / nullif(tan({0}), 0))"),
        one("ASIN", "Arc sine, radians.", f"asin({unit})"),
        one("ACOS", "Arc cosine, radians.", f"acos({unit})"),
        one("ATAN", "Arc tangent, radians.", "atan({0})"),
        one("ATAN2", "Angle of the point (x, y), radians.", "atan2({0}, {1})", "double", "y, x"),
        one("DEGREES", "Radians to degrees.", "degrees({0})"),
        one("RADIANS", "Degrees to radians.", "radians({0})"),
        one("SIGN", "-1, 0 or 1.", "sign({0})", ""),
        one("PI", "The number pi.", "pi()", "double", ""),
        Function("RAND", "math", "RAND([seed])", "A random number from 0 to 1.", 0, 1, "random()", "double"),
    ]  # fmt: skip


def _bits() -> list[Function]:
    def one(name: str, arguments: str, text: str, duck: str) -> Function:
        count = arguments.count(",") + 1
        return Function(name, "bit", f"{name}({arguments})", text, count, count, duck)

    return [
        one("BIT_AND", "x, y", "Bits set in both whole numbers, as x & y.", "(({0}) & ({1}))"),
        one("BIT_OR", "x, y", "Bits set in either whole number, as x | y.", "(({0}) | ({1}))"),
        one("BIT_XOR", "x, y", "Bits set in one of two whole numbers, as x ^ y.", "xor({0}, {1})"),
        one("BIT_NOT", "x", "All bits of a whole number turned, as ~x.", "(~({0}))"),
    ]


def _plain() -> list[Function]:
    def one(name: str, kind: str, signature: str, text: str, least: int, most: int, duck: str, result: str) -> Function:
        return Function(name, kind, signature, text, least, most, duck, result)

    return [
        one("LOWER", "string", "LOWER(text)", "Text in small letters.", 1, 1, "lower({0})", "char"),
        one("UPPER", "string", "UPPER(text)", "Text in capital letters.", 1, 1, "upper({0})", "char"),
        one("TRIM", "string", "TRIM(text)", "Text without spaces at its ends.", 1, 1, "trim({0})", "char"),
        one("CHAR_LENGTH", "string", "CHAR_LENGTH(text)", "Number of characters.", 1, 1, "length({0})", "long"),
        one("SUBSTRING", "string", "SUBSTRING(text, start [, length])", "Part of a text, counted from 1.", 2, 3,
            "substring({*})", "char"),
        one("CONCAT", "string", "CONCAT(text, text, ...)", "Texts joined; NULLs are left out.", 1, MANY, "concat({*})",
            "char"),
        one("LTRIM", "string", "LTRIM(text)", "Text without spaces at its start.", 1, 1, "ltrim({0})", "char"),
        one("RTRIM", "string", "RTRIM(text)", "Text without spaces at its end.", 1, 1, "rtrim({0})", "char"),
        one("REPLACE", "string", "REPLACE(text, part, other)", "Text with every part replaced.", 3, 3,
            "replace({*})", "char"),
        one("INSTR", "string", "INSTR(text, part)", "Where a part starts, counted from 1; 0 where it is not.", 2, 2,
            "instr({*})", "long"),
        one("COALESCE", "conditional", "COALESCE(x, y, ...)", "The first that is not NULL.", 1, MANY,
            "coalesce({*})", ""),
        one("NULLIF", "conditional", "NULLIF(x, y)", "NULL where x = y, else x.", 2, 2, "nullif({0}, {1})", "="),
        one("GREATEST", "conditional", "GREATEST(x, y, ...)", "The largest.", 1, MANY, "greatest({*})", ""),
        one("LEAST", "conditional", "LEAST(x, y, ...)", "The smallest.", 1, MANY, "least({*})", ""),
        one("IN_UNIT", "conditional", "IN_UNIT(x, 'unit')", "A column's value in another unit (VOUnits).", 2, 2, "",
            "double"),
        one("IVO_HEALPIX_INDEX", "udf", "ivo_healpix_index(order, ra, dec)",
            "HEALPix pixel (nested) of a position.", 2, 3, "", "long"),
        one("IVO_NOCASEMATCH", "udf", "ivo_nocasematch(text, pattern)", "1 where text is LIKE a pattern in any case.",
            2, 2, "(CASE WHEN lower({0}) LIKE lower({1}) THEN 1 ELSE 0 END)", "int"),
        one("IVO_HASWORD", "udf", "ivo_hasword(text, word)", "1 where a word is in a text, in any case.", 2, 2,
            "(CASE WHEN list_contains(regexp_split_to_array(lower({0}), '[^\\pL\\pN]+'), lower({1})) "
            "THEN 1 ELSE 0 END)", "int"),
        one("IVO_HASHLIST_HAS", "udf", "ivo_hashlist_has(list, item)",
            "1 where an item, in any case, is in a list joined by #.", 2, 2,
            "(CASE WHEN list_contains(string_split(lower({0}), '#'), lower({1})) THEN 1 ELSE 0 END)", "int"),
        one("IVO_INTERVAL_OVERLAPS", "udf", "ivo_interval_overlaps(l1, h1, l2, h2)",
            "1 where the intervals l1 to h1 and l2 to h2 share a value.", 4, 4,
            "(CASE WHEN ({0}) <= ({3}) AND ({2}) <= ({1}) THEN 1 ELSE 0 END)", "int"),
        one("IVO_NORMAL_RANDOM", "udf", "ivo_normal_random(mu, sigma)", "A random number of a normal distribution.",
            2, 2, "(({0}) + ({1}) * sqrt(-2e0 * ln(1e0 - random())) * cos(2e0 * pi() * random()))", "double"),
        one("IVO_STRING_AGG", "aggregate", "ivo_string_agg(text, separator)", "Texts of a group joined.", 2, 2,
            "string_agg({0}, {1})", "char"),
        one("COUNT", "aggregate", "COUNT(*) or COUNT([DISTINCT] x)", "Number of rows, or of values not NULL.", 1, 1,
            "count({0})", "long"),
        one("SUM", "aggregate", "SUM(x)", "Sum.", 1, 1, "sum({0})", ""),
        one("AVG", "aggregate", "AVG(x)", "Mean.", 1, 1, "avg({0})", "double"),
        one("MIN", "aggregate", "MIN(x)", "Smallest value.", 1, 1, "min({0})", "="),
        one("MAX", "aggregate", "MAX(x)", "Largest value.", 1, 1, "max({0})", "="),
        one("STDDEV", "aggregate", "STDDEV(x)", "Standard deviation, n - 1.", 1, 1, "stddev_samp({0})", "double"),
        one("STDDEV_POP", "aggregate", "STDDEV_POP(x)", "Standard deviation, n.", 1, 1, "stddev_pop({0})", "double"),
        one("VAR_SAMP", "aggregate", "VAR_SAMP(x)", "Variance, n - 1.", 1, 1, "var_samp({0})", "double"),
        one("VAR_POP", "aggregate", "VAR_POP(x)", "Variance, n.", 1, 1, "var_pop({0})", "double"),
        one("MEDIAN", "aggregate", "MEDIAN(x)", "Median.", 1, 1, "median(CAST({0} AS DOUBLE))", "double"),
    ]  # fmt: skip


def _scisql() -> list[Function]:
    # AB zero points: 31.4 for nJy, -48.6 for erg/s/cm2/Hz; 2.5 / ln 10 = 1.0857362047581296.
    good = "CASE WHEN {0} > 0 THEN {0} END"
    over = "nullif(greatest({0}, 0), 0)"

    def one(name: str, arguments: str, text: str, duck: str, unit: str = "", result: str = "double") -> Function:
        count = arguments.count(",") + 1
        ucd = {"mag": "phot.mag", "nJy": "phot.flux"}.get(unit, "")
        if ucd and name.endswith("Sigma"):
            ucd = f"stat.error;{ucd}"
        signature = f"scisql_{name}({arguments})"
        return Function(f"scisql_{name}", "scisql", signature, text, count, count, duck, result, unit, ucd)

    return [
        one("nanojanskyToAbMag", "flux", "AB magnitude of a flux in nJy; NULL where the flux is not positive.",
            f"(31.4e0 - 2.5e0 * log10({good}))", "mag"),
        one("nanojanskyToAbMagSigma", "flux, error", "Error of the AB magnitude of a flux in nJy.",
            f"(1.0857362047581296e0 * ({{1}}) / {over})", "mag"),
        one("abMagToNanojansky", "mag", "Flux in nJy of an AB magnitude.", "pow(10, 0.4e0 * (31.4e0 - ({0})))", "nJy"),
        one("abMagToNanojanskySigma", "mag, error", "Error of the flux in nJy of an AB magnitude.",
            "(pow(10, 0.4e0 * (31.4e0 - ({0}))) * ({1}) / 1.0857362047581296e0)", "nJy"),
        one("fluxToAbMag", "flux", "AB magnitude of a flux in erg/s/cm2/Hz.",
            f"(-48.6e0 - 2.5e0 * log10({good}))", "mag"),
        one("fluxToAbMagSigma", "flux, error", "Error of the AB magnitude of a flux in erg/s/cm2/Hz.",
            f"(1.0857362047581296e0 * ({{1}}) / {over})", "mag"),
        one("abMagToFlux", "mag", "Flux in erg/s/cm2/Hz of an AB magnitude.",
            "pow(10, -0.4e0 * (({0}) + 48.6e0))", "erg/s/cm**2/Hz"),
        one("abMagToFluxSigma", "mag, error", "Error of the flux in erg/s/cm2/Hz of an AB magnitude.",
            "(pow(10, -0.4e0 * (({0}) + 48.6e0)) * ({1}) / 1.0857362047581296e0)", "erg/s/cm**2/Hz"),
        one("dnToAbMag", "dn, dn0", "AB magnitude of a raw flux, dn0 being that of magnitude 0.",
            "(-2.5e0 * log10(nullif(greatest(({0}) / nullif({1}, 0), 0), 0)))", "mag"),
        one("dnToAbMagSigma", "dn, error, dn0, error0", "Error of the AB magnitude of a raw flux.",
            f"(1.0857362047581296e0 * sqrt(pow(({{1}}) / {over}, 2) + pow(({{3}}) / nullif({{2}}, 0), 2)))", "mag"),
        one("abMagToDn", "mag, dn0", "Raw flux of an AB magnitude.", "(({1}) * pow(10, -0.4e0 * ({0})))"),
        one("dnToFlux", "dn, dn0", "Flux in erg/s/cm2/Hz of a raw flux.",
            "(pow(10, -19.44e0) * ({0}) / nullif({1}, 0))", "erg/s/cm**2/Hz"),
        one("fluxToDn", "flux, dn0", "Raw flux of a flux in erg/s/cm2/Hz.", "(({0}) * ({1}) * pow(10, 19.44e0))"),
        one("angSep", "ra1, dec1, ra2, dec2", "Angle between two positions, degrees.", "", "deg"),
        one("s2PtInCircle", "ra, dec, ra0, dec0, radius", "1 where a position lies in a circle.", "", "", "int"),
        one("s2PtInBox", "ra, dec, ra_min, dec_min, ra_max, dec_max", "1 where a position lies between limits.",
            "", "", "int"),
        one("s2PtInEllipse", "ra, dec, ra0, dec0, a, b, angle",
            "1 where a position lies in an ellipse: semi-axes in arcsec, angle from north to east.", "", "", "int"),
        Function("scisql_s2PtInCPoly", "scisql", "scisql_s2PtInCPoly(ra, dec, ra1, dec1, ra2, dec2, ...)",
                 "1 where a position lies in a polygon.", 3, MANY, "", "int"),
        Function("scisql_s2CPolyToBin", "scisql", "scisql_s2CPolyToBin(ra1, dec1, ra2, dec2, ...)",
                 "A polygon, for scisql_s2PtInCPoly.", 6, MANY),
        Function("scisql_s2HtmId", "scisql", "scisql_s2HtmId(ra, dec, level)",
                 "Triangle of the Hierarchical Triangular Mesh a position lies in, level 0 to 24.",
                 3, 3, HTM_ID, "long"),
        Function("scisql_s2HtmLevel", "scisql", "scisql_s2HtmLevel(id)",
                 "Level of a triangle of the Hierarchical Triangular Mesh; -1 where it is none.",
                 1, 1, HTM_LEVEL, "int"),
        Function("scisql_getVersion", "scisql", "scisql_getVersion()", "The version of these functions.", 0, 0,
                 "'0.3.10'", "char"),
        Function("scisql_median", "aggregate", "scisql_median(x)", "Median.", 1, 1,
                 "median(CAST({0} AS DOUBLE))", "double"),
        Function("scisql_percentile", "aggregate", "scisql_percentile(x, percent)", "Value below which percent lie.",
                 2, 2, "quantile_cont(CAST({0} AS DOUBLE), ({1}) / 100e0)", "double"),
    ]  # fmt: skip


FUNCTIONS: tuple[Function, ...] = (*_geometry(), *_math(), *_bits(), *_plain(), *_scisql())
_BY_NAME = {function.name.upper(): function for function in FUNCTIONS}
# Names for the same thing.
_BY_NAME |= {name: _BY_NAME["CHAR_LENGTH"] for name in ("LENGTH", "CHARACTER_LENGTH")}
_BY_NAME |= {"STDDEV_SAMP": _BY_NAME["STDDEV"], "VARIANCE": _BY_NAME["VAR_SAMP"]}


def find_function(name: str) -> Function | None:
    """The function of that name, in any case."""
    return _BY_NAME.get(name.upper())
