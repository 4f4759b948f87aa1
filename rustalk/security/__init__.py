"""Who may speak and how much: networks, access lists, token buckets, and the question who a peer is. No I/O."""
