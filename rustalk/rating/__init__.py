"""What a call costs and how calls become a bill, in exact decimals. Nothing here does input or output."""
