"""The wire: UDP, TCP and TLS sockets, the connections they hold, and the names that lead to peers."""
