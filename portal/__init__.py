"""What Triview knows: astronomy data, queries and services. Draws nothing."""

__version__ = "0.1.0"
