"""Session descriptions (RFC 4566, 3264, 4568), without I/O: reading, rewriting, offer and answer."""
