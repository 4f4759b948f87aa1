"""Certificates: making them for development and tests, and the roots that Microsoft Teams is trusted by."""
