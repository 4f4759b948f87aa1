"""RTP as bytes and figures, without I/O: packets (RFC 3550), RTCP, SRTP, STUN demultiplexing, reception statistics."""
