"""The other ends of the wire: a Teams peer that keeps to Microsoft's document, and a carrier peer.

Both are used by ``rustalk demo``, by ``rustalk teams-sim`` and by the tests. They share nothing with the switch but the
parsers: where the switch and the document differ, the simulator takes the document's side.
"""
