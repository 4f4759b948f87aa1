"""The B2BUA: two legs that share only events, and what joins them."""
