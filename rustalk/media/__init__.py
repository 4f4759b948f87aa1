"""The media of a call: what is negotiated, which ports it uses, and the relay that carries its packets."""
