"""The peer networks: Teams with its proxies, providers with their hosts, and which of them may be called now."""
