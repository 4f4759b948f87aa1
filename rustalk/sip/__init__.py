"""SIP without input or output: bytes to messages, messages to transactions and dialogs (RFC 3261)."""
