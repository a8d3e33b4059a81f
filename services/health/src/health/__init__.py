"""Watches its siblings."""
