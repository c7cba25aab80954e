# SPDX-License-Identifier: MPL-2.0
"""Downloads as the service's first generation served them: through the API itself, with the key,
under a token that is spent when the file has been fetched completely.  Used by api.py.
"""

import hashlib
import os
import re
import threading

CHUNK = 1 << 16


class Refused(Exception):
    """Status, text and headers of a refusal."""

    def __init__(self, status, text, headers=None):
        super().__init__(text)
        self.status, self.text, self.headers = status, text, headers or {}


class Token:
    def __init__(self, dataset, path, expires):
        self.dataset, self.path, self.expires = dataset, path, expires
        self.size = os.stat(path).st_size
        self.sent = []  # disjoint (from, to), sorted

    def add(self, start, end):
        """Bytes [start, end) were sent: is the whole file out?"""
        kept = []
        for a, b in self.sent:
            if b < start or a > end:
                kept.append((a, b))
            else:
                start, end = min(a, start), max(b, end)
        self.sent = sorted(kept + [(start, end)])
        return self.sent == [(0, self.size)]


def parse_range(value, size):
    """(first, end) of one byte range, None to send the file whole.  RFC 9110 14.1.2."""
    m = re.fullmatch(r"bytes=(\d*)-(\d*)", value or "")
    if not m or not (m[1] or m[2]):
        return None
    if m[1]:
        first, end = int(m[1]), min(int(m[2]) + 1 if m[2] else size, size)
    else:
        first, end = max(size - int(m[2]), 0), size
    if first >= end:
        raise Refused(416, "Requested Range Not Satisfiable",
                      {"Content-Range": "bytes */%d" % size})
    return first, end


class Part:
    """A part of a file that is on its way to a client."""

    def __init__(self, proxy, name, token, span):
        self.proxy, self.name, self.token = proxy, name, token
        self.whole = span is None
        self.first, self.end = span or (0, token.size)

    def headers(self):
        h = {"Content-Type": "application/zip", "Content-Length": str(self.end - self.first),
             "Content-Disposition": 'attachment; filename="%s"'
                                    % os.path.basename(self.token.path)}
        if not self.whole:
            h["Content-Range"] = "bytes %d-%d/%d" % (self.first, self.end - 1, self.token.size)
        return h

    def chunks(self, limit, now):
        """The bytes, until the bandwidth is used up: then fewer than were promised."""
        with open(self.token.path, "rb") as f:
            at = self.first
            f.seek(at)
            while at < self.end:
                n = self.proxy.allow(min(CHUNK, self.end - at), limit, now())
                if n == 0:
                    return
                data = f.read(n)
                yield data
                self.proxy.sent(self.name, at, at + len(data))
                at += len(data)


class Proxy:
    """The tokens that were given out, and the bandwidth of the organization; any thread."""

    def __init__(self):
        self.lock = threading.Lock()
        self.tokens = {}
        self.used, self.closed_until = 0, 0

    def issue(self, dataset, path, expires):
        name = "tok_" + hashlib.sha256(os.urandom(16)).hexdigest()[:32]
        with self.lock:
            self.tokens[name] = Token(dataset, path, expires)
        return name

    def open(self, dataset, name, value, now):
        """The part that a GET with this Range asks for."""
        with self.lock:
            token = self.tokens.get(name)
            if now < self.closed_until:
                raise Refused(429, "Bandwidth limit exceeded",
                              {"Retry-After": str(max(1, int(self.closed_until - now + 0.999)))})
            if not token or token.dataset != dataset or now >= token.expires:
                raise Refused(401, "Invalid or expired download token")
            return Part(self, name, token, parse_range(value, token.size))

    def allow(self, n, limit, now):
        """How many of n bytes may go out; limit is [BYTES, SECONDS] or None."""
        with self.lock:
            if limit is None:
                return n
            if now < self.closed_until:
                return 0
            n = min(n, limit[0] - self.used)
            self.used += max(n, 0)
            if n <= 0:
                self.used, self.closed_until = 0, now + limit[1]
            return max(n, 0)

    def sent(self, name, start, end):
        with self.lock:
            token = self.tokens.get(name)
            if token and token.add(start, end):
                del self.tokens[name]
