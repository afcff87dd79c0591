"""Makes a readable description of a column from the parts of its name.

The vocabulary stands in the words_*.txt files beside this one. The endings Err, _flag, _flag_why and _Cov, the mask
planes of pixelFlags_ and the light-curve statistics of psfFlux and scienceFlux are put together here.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

STATISTIC = re.compile(r"(psfFlux|scienceFlux|PSFlux|TOTFlux)(\w+)")
SCIENCE = ("scienceFlux", "TOTFlux")
PARTS = ("flag", "plane", "stat")


class Vocabulary:
    """Patterns for whole names, and the parts (flag, plane, stat) they are put together from."""

    def __init__(self, text: str) -> None:
        self.plain: dict[str, str] = {}
        self.patterns: list[tuple[re.Pattern[str], str]] = []
        self.parts: dict[str, dict[str, str]] = {part: {} for part in PARTS}
        for line in text.splitlines():
            if not line.strip() or line.startswith("#"):
                continue
            pattern, _, meaning = line.partition(" = ")
            part, _, word = pattern.partition(" ")
            if word:
                self.parts[part][word] = meaning
            elif pattern.replace(".", "").isidentifier():
                self.plain[pattern] = meaning
            else:
                self.patterns.append((re.compile(pattern), meaning))

    def find(self, name: str) -> str:
        """The text for this very name, "" when there is none."""
        if name in self.plain:
            return self.plain[name]
        for pattern, meaning in self.patterns:
            if found := pattern.fullmatch(name):
                return filled(meaning, found)
        return ""

    def part(self, kind: str, word: str) -> str:
        if word in self.parts[kind]:
            return self.parts[kind][word]
        for pattern, meaning in self.parts[kind].items():
            if found := re.fullmatch(pattern, word):
                return filled(meaning, found)
        return ""


@cache
def vocabulary() -> Vocabulary:
    return Vocabulary("\n".join(path.read_text() for path in sorted(Path(__file__).parent.glob("words_*.txt"))))


def filled(meaning: str, found: re.Match[str]) -> str:
    """The text with \\0, \\1 ... replaced by what was caught, and blanks put right."""
    text = re.sub(r"\\(\d)", lambda mark: apart(found.group(int(mark[1])) or ""), meaning)
    return re.sub(r"\s*\(\s*\)", "", re.sub(r" +", " ", text)).strip()


def describe(table: str, name: str, band: str = "") -> str:
    """What a column of a table is. ``name`` may hold ``{b}`` where the band stands; ``band`` is "" when it has none."""
    base = re.sub(r"^\{b\}_?", "", name).replace("{b}", band)
    text = about(table, base)
    return f"{text}, {band} band" if band else text


@cache
def about(table: str, name: str) -> str:
    """The description without band: what is said for this table before what is said for all."""
    return vocabulary().find(f"{table}.{name}") or phrase(table, name)


def phrase(table: str, name: str) -> str:
    """What a name means in any table; a name nobody knows is taken apart into its words."""
    words = vocabulary()
    if text := words.find(name):
        return text
    if found := re.fullmatch(r"(\w+)_flag_(\w+)", name):
        why = words.part("flag", found[2])
        return f"Why {found[1]} failed: {why}" if why else f"Flag of {found[1]}: {spaced(found[2])}"
    if found := re.fullmatch(r"(\w+)_flag", name):
        return f"True when {found[1]} must not be trusted ({lower(about(table, found[1]))})"
    if found := re.fullmatch(r"pixelFlags_(\w+?)(Center)?", name):
        where = "centre lies on" if found[2] else "footprint touches"
        return f"True when the {where} {words.part('plane', found[1]) or spaced(found[1])}"
    if found := re.fullmatch(r"(\w+)(Err|_unc)", name):
        return "Standard error of " + lower(about(table, found[1]).partition(";")[0])
    if found := re.fullmatch(r"([^_]+)_([^_]+)_Cov", name):
        return f"Covariance of {found[1]} and {found[2]}"
    if found := STATISTIC.fullmatch(name):
        image = "science" if found[1] in SCIENCE else "difference"
        if statistic := words.part("stat", found[2]):
            return f"{statistic} the point-source fluxes on {image} images"
    return spaced(name)


def apart(word: str) -> str:
    """A caught part of a name as it reads in a sentence: AlongTrack -> along track; xx, E1 and PSF stay."""
    if re.fullmatch(r"([A-Z][a-z]+){2,}", word):
        word = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", word).lower()
    return word.replace("_", " ")


def spaced(name: str) -> str:
    """A name as words: ``sizeOf_thing`` -> "Size of thing"."""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ")
    return text[:1].upper() + text[1:].lower()


def lower(text: str) -> str:
    """The text to stand inside a sentence: first letter small, unless the word is an abbreviation."""
    first = text.split(" ", 1)[0]
    return text if len(first) > 1 and not first[1:].islower() else text[:1].lower() + text[1:]
