"""Tells what reaches it."""
