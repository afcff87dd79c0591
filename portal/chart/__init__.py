"""What a chart shows: bins, points, light curves."""
