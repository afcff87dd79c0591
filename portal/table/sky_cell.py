"""``sky_cell(order, ra, dec)`` of the engine: which HEALPix pixel a position lies in, so that SQL can ask a MOC.

The pixels of Górski et al. 2005, numbered face * 4**order + x * 2**order + y (the nested scheme interleaves the bits
of x and y, which SQL does badly). NULL for what is not on the sky.
"""

from __future__ import annotations

# Near the equator lines of constant x and y are straight in (turn, z); beyond |z| = 2/3 they meet at the pole.
_LETS = (
    "(CAST(1 AS BIGINT) << k)",  # n, pixels along a side of a face
    "sin(radians(CAST(dec AS DOUBLE)))",  # z
    "2e0 * pow(sin(radians(90e0 - abs(CAST(dec AS DOUBLE))) / 2e0), 2e0)",  # 1 - |z| without loss at the pole
    "((ra - 360e0 * floor(CAST(ra AS DOUBLE) / 360e0)) / 90e0)",  # quarter turns
)


def macros() -> list[str]:
    """The statements that make it, to be run before the engine is locked."""
    whole = "CAST(floor({}) AS BIGINT)"
    up, down = whole.format("n * (0.5e0 + turn - z * 0.75e0)"), whole.format("n * (0.5e0 + turn + z * 0.75e0)")
    quarter = "least(CAST(3 AS BIGINT), CAST(floor(turn) AS BIGINT))"
    part = f"(turn - {quarter})"
    reach = "(n * sqrt(3e0 * gap))"
    rise = f"least(n - 1, {whole.format(f'{part} * {reach}')})"
    fall = f"least(n - 1, {whole.format(f'(1e0 - {part}) * {reach}')})"
    belt = (
        "CASE WHEN (up >> k) = (down >> k) THEN ((up >> k) | 4) WHEN (up >> k) < (down >> k) THEN (up >> k) "
        "ELSE (down >> k) + 8 END * n * n + (down & (n - 1)) * n + (n - 1 - (up & (n - 1)))"
    )
    north = "quarter * n * n + (n - 1 - fall) * n + (n - 1 - rise)"
    south = "(quarter + 8) * n * n + rise * n + fall"
    return [
        f"CREATE MACRO sky_cell_belt(k, n, up, down) AS {belt}",
        f"CREATE MACRO sky_cell_north(n, quarter, rise, fall) AS {north}",
        f"CREATE MACRO sky_cell_south(n, quarter, rise, fall) AS {south}",
        "CREATE MACRO sky_cell_at(k, n, z, gap, turn) AS CASE "
        f"WHEN abs(z) <= 2e0 / 3e0 THEN sky_cell_belt(k, n, {up}, {down}) "
        f"WHEN z > 0 THEN sky_cell_north(n, {quarter}, {rise}, {fall}) "
        f"ELSE sky_cell_south(n, {quarter}, {rise}, {fall}) END",
        # An infinite angle stops the engine, NaN a cast: such rows are asked nothing.
        "CREATE MACRO sky_cell(k, ra, dec) AS CASE WHEN isfinite(ra) AND abs(dec) <= 90 THEN "
        f"sky_cell_at(k, {', '.join(_LETS)}) END",
    ]
