"""Views: each joins one widget to the session."""
