"""The embedded archive: a VO service over a simulated sky. Reached only over HTTP."""
