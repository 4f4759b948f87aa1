"""RusTalk: session border controller and PBX for Microsoft Teams Direct Routing."""

__version__ = "0.2.0"
