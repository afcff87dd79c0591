"""The sky maker: a simulated Rubin field, the same for the same seed."""
