"""Widgets: each draws one thing and knows no session."""
