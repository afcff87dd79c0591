"""ADQL as text and tree: parse, functions, check, format, and one translator per engine."""
