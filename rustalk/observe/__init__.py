"""What the switch lets others see: snapshots of its state, its log, its counters and the SIP messages of each call."""
