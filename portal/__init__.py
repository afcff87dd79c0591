"""What Triview knows: astronomy data, queries and services. Draws nothing."""
