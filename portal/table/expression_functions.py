"""The functions that may stand in an expression over columns, and the engine SQL of each.

One list for checking, completion and help; names are written in any case.
"""

from __future__ import annotations

# Of two positions in degrees; it keeps milliarcseconds where the cosine rule loses them. Not with least(), which
# passes over nulls: the distance of nothing is null.
HAVERSINE = (
    "(pow(sin(radians({3} - {1}) / 2e0), 2e0) + "
    "cos(radians({1})) * cos(radians({3})) * pow(sin(radians({2} - {0}) / 2e0), 2e0))"
)

# name: (fewest arguments, most, SQL over {0}, {1}; "" joins any number by commas)
FUNCTIONS: dict[str, tuple[int, int, str]] = {
    "abs": (1, 1, "abs({0})"),
    "acos": (1, 1, "acos({0})"),
    "asin": (1, 1, "asin({0})"),
    "asinh": (1, 1, "asinh({0})"),
    "atan": (1, 1, "atan({0})"),
    "atan2": (2, 2, "atan2({0}, {1})"),
    "cbrt": (1, 1, "cbrt({0})"),
    "ceil": (1, 1, "ceil({0})"),
    "ceiling": (1, 1, "ceil({0})"),
    "cos": (1, 1, "cos({0})"),
    "cosh": (1, 1, "cosh({0})"),
    "degrees": (1, 1, "degrees({0})"),
    "distance": (4, 4, f"degrees(2e0 * atan2(sqrt({HAVERSINE}), sqrt(abs(1e0 - {HAVERSINE}))))"),
    "exp": (1, 1, "exp({0})"),
    "floor": (1, 1, "floor({0})"),
    "ln": (1, 1, "ln({0})"),
    "log": (1, 1, "ln({0})"),  # natural, as in ADQL
    "log10": (1, 1, "log10({0})"),
    "log2": (1, 1, "log2({0})"),
    "pi": (0, 0, "pi()"),
    "pow": (2, 2, "pow({0}, {1})"),
    "power": (2, 2, "pow({0}, {1})"),
    "radians": (1, 1, "radians({0})"),
    "round": (1, 2, "round({0}, coalesce(TRY_CAST({1} AS INTEGER), 0))"),
    # As on the Rubin Science Platform: flux in nJy; no magnitude without flux.
    "scisql_nanojanskytoabmag": (1, 1, "(CASE WHEN {0} > 0 THEN 31.4e0 - 2.5e0 * log10({0}) END)"),
    "scisql_nanojanskytoabmagsigma": (2, 2, "(CASE WHEN {0} > 0 THEN 1.0857362047581294e0 * {1} / {0} END)"),
    "sign": (1, 1, "CAST(sign({0}) AS DOUBLE)"),
    "sin": (1, 1, "sin({0})"),
    "sinh": (1, 1, "sinh({0})"),
    "sqrt": (1, 1, "sqrt({0})"),
    "square": (1, 1, "pow({0}, 2e0)"),
    "tan": (1, 1, "tan({0})"),
    "tanh": (1, 1, "tanh({0})"),
    "truncate": (1, 1, "trunc({0})"),
    "trunc": (1, 1, "trunc({0})"),
}
TESTS = {"is_nan": "isnan", "isnan": "isnan", "isfinite": "isfinite", "is_inf": "isinf", "isinf": "isinf"}

# Functions of several values of one kind, which keep it: whole numbers stay exact, text stays text.
ALIKE: dict[str, tuple[int, int, str]] = {
    "coalesce": (1, 20, "coalesce({*})"),
    "greatest": (1, 20, "greatest({*})"),
    "least": (1, 20, "least({*})"),
    "nullif": (2, 2, "nullif({*})"),
}

# name: (kinds of the arguments: t text, n number, a anything; those after | may be left out; SQL; what it gives)
TEXTS: dict[str, tuple[str, str, str]] = {
    "concat": ("a|aaaaaaaaaaaaaaaaaaa", "concat({*})", "text"),
    "contains": ("tt", "contains({*})", "truth"),
    "ends_with": ("tt", "ends_with({*})", "truth"),
    "length": ("t", "length({*})", "int"),
    "lower": ("t", "lower({*})", "text"),
    "replace": ("ttt", "replace({*})", "text"),
    "starts_with": ("tt", "starts_with({*})", "truth"),
    "substr": ("tn|n", "substr({*})", "text"),
    "substring": ("tn|n", "substr({*})", "text"),
    "trim": ("t", "trim({*})", "text"),
    "upper": ("t", "upper({*})", "text"),
}
