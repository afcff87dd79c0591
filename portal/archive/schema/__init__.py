"""The Rubin schemas the archive serves, told in compact tables."""
