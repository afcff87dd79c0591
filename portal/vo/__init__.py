"""Other people's services over HTTP, spoken in VO protocols."""
