"""A storm of calls in memory, under virtual time: what is left of them must be nothing.

    python -m tests.bench.storm [--calls 5000] [--seeds 1 2 3] [--rate 2] [--calm 20]

Phones hang up, give up, change their media, hand calls on and take them over at random, while 5 % of the datagrams are
lost, 5 % come twice, 5 % out of order, and a connection of Teams breaks every ``--calm`` seconds. One JSON line for
each seed; the status is 1 where a dialog, timer, transaction, port, count or nftables element is left, something was
logged as a failure, or the two sides of a call do not agree about its end.
"""

from __future__ import annotations

import argparse
import json
import sys
import time

from tests.scenarios.crowd import storm


def main() -> int:
    """Run the storms one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=5000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--rate", type=float, default=2.0, help="calls a second of virtual time")
    parser.add_argument("--calm", type=float, default=20.0, help="seconds between two broken connections")
    args = parser.parse_args()
    troubled = False
    for seed in args.seeds:
        begun = time.monotonic()
        report = storm(args.calls, seed, args.rate, args.calm)
        figures = {
            "seed": seed,
            "seconds": round(time.monotonic() - begun, 1),
            "done": report.done,
            "reasons": report.reasons,
            "transfers": report.transfers,
            "routes": report.routes,
            "stranded": report.stranded,
            "trouble": report.trouble,
        }
        print(json.dumps(figures), flush=True)
        troubled = troubled or bool(report.trouble)
    return int(troubled)


if __name__ == "__main__":
    sys.exit(main())
