"""Queries over whole catalogues on an Apache Spark cluster, which reads the files that DuckDB reads."""
