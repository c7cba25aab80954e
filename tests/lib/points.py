#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""points.py INDEX: the seek points of an archive: "NUMBER GAP", where GAP is the largest number of
compressed bytes from one to the next, or before the first."""
import sqlite3
import sys

db = sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True)
at = [0] + [bit // 8 for bit, in db.execute("SELECT in_bit FROM point ORDER BY out")]
print(len(at) - 1, max((b - a for a, b in zip(at, at[1:])), default=0))
