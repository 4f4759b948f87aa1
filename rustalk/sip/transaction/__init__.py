"""The four transactions of RFC 3261 section 17 as tables, corrected by RFC 6026; they return effects, no more."""
