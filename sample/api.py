#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""A small stand-in for the Mozilla Data Collective API, for tests and demonstrations.

It answers as the real one does (details and catalogue without a key, download sessions with
one) and signs links that nginx checks with

    secure_link $arg_md5,$arg_expires;
    secure_link_md5 "$secure_link_expires$uri SECRET";

Configuration (JSON, read again whenever the file changes):

    {"keys": ["key-1"],                     accepted API keys
     "storage": "http://127.0.0.1:8081/o",  base URL of the storage
     "secret": "SECRET",                    of secure_link_md5; "" = plain links
     "link_lifetime": 43200,                seconds
     "daily_limit": 30,                     POSTs a day that are answered; null = no limit
     "limit_object": true,                  false: a 429 carries Retry-After only
     "retry_after": null,                   seconds to say in a 429; null = until midnight UTC
     "request_limit": false,                true: every request but /health answers 429 ...
     "request_wait": 1,                     ... and says to wait so many seconds
     "down": false,                         true: every request answers 503
     "generation": "presigned",             "token": downloads go through the API, see proxied.py
     "bandwidth": null,                     [BYTES, SECONDS]: after so many bytes through the API
                                            connections end, and it answers 429 for so long
     "post_faults": [],                     what the next download sessions are answered: "ok", a
                                            status ("503"), one with Retry-After ("429:2"),
                                            "html", "garbage", "empty", "drop", "cut" (the
                                            connection ends in the middle), "late-cut" (... behind
                                            the session), "endless"; then all is well
     "details_faults": [],                  the same for the next requests for a dataset's details
     "rate_headers": false,                 true: POSTs tell X-RateLimit-Limit and -Remaining
     "clock_offset": 0,                     seconds that the service's clock is ahead
     "page_max": 100,                       the catalogue gives at most so many a page
     "churn": null,                         "grow", "shrink": the catalogue does so after page 1
     "sample_limit": null,                  POSTs for samples a day that are answered
     "datasets": [{"id": "cmt95wvb80027qb6e2vezm3d9", "slug": "x", "file": "/path/x.tar.gz",
                   "object": "x.tar.gz",    name in the storage; default: the file's
                   "filename": ..., "name": ..., "checksum": ..., "size": ..., any other field
                   of the details,          what is absent is made from the file
                   "terms_agreed": true, "paid": false, "private": false, "withdrawn": false,
                   "null_size": false, "null_checksum": false, "size_as_string": false,
                   "prefix_checksum": false, "old_shape": false,
                   "sample": null,          {"file": ..., "filename": ..., "object": ...}
                   "metadata": true}]}      false: there is no Croissant; "bad": 422
"""

import base64
import datetime
import hashlib
import json
import os
import re
import threading
import time
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, quote, unquote, urlsplit

import catalogue
import loopback
import proxied

FLAGS = ("file", "object", "size", "terms_agreed", "paid", "private", "withdrawn", "null_size",
         "null_checksum", "size_as_string", "prefix_checksum", "old_shape",
         "sample", "metadata")
ID = re.compile(r"^[cC][0-9a-z]{6,}$")


def iso(t):
    return datetime.datetime.fromtimestamp(t, datetime.timezone.utc).strftime(
        "%Y-%m-%dT%H:%M:%S.000Z")


def midnight(now):
    return int(now) // 86400 * 86400 + 86400


class Config:
    """The configuration file, the checksums of its files, and what was spent today."""

    def __init__(self, path):
        self.path = path
        self.lock = threading.Lock()
        self.stamp = None
        self.data = {}
        self.sums = {}
        self.day, self.spent = 0, {}
        self.faults = {}  # how many of each plan have happened
        self.get()

    def now(self):
        """What the service's clock says."""
        return time.time() + self.data.get("clock_offset", 0)

    def get(self):
        with self.lock:
            st = os.stat(self.path)
            stamp = (st.st_mtime_ns, st.st_size, st.st_ino)
            if stamp != self.stamp:
                try:
                    with open(self.path, encoding="utf-8") as f:
                        self.data = json.load(f)
                    self.stamp, self.faults = stamp, {}
                except ValueError:  # being written: the old one goes on until it is whole
                    if self.stamp is None:
                        raise
            return self.data

    def checksum(self, path):
        st = os.stat(path)
        key = (path, st.st_mtime_ns, st.st_size, st.st_ino)
        with self.lock:
            if key not in self.sums:
                h = hashlib.sha256()
                with open(path, "rb") as f:
                    for block in iter(lambda: f.read(1 << 20), b""):
                        h.update(block)
                self.sums[key] = h.hexdigest()
            return self.sums[key]

    def spend(self, limit, what="download"):
        """Count one download of today; False when none is left."""
        with self.lock:
            today = int(self.now()) // 86400
            if today != self.day:
                self.day, self.spent = today, {}
            if limit is not None and self.spent.get(what, 0) >= limit:
                return False
            self.spent[what] = self.spent.get(what, 0) + 1
            return True

    def next_fault(self, name):
        with self.lock:
            plan = self.data.get(name, [])
            n = self.faults[name] = self.faults.get(name, 0) + 1
            return plan[n - 1] if n <= len(plan) else "ok"

    def spent_today(self, what="download"):
        with self.lock:
            return self.spent.get(what, 0)


class Dataset:
    """One entry of the configuration, as the API shows it."""

    def __init__(self, config, entry):
        self.config = config
        self.e = entry

    def flag(self, name, default=False):
        return self.e.get(name, default)

    def size(self):
        return self.e["size"] if "size" in self.e else os.stat(self.e["file"]).st_size

    def checksum(self):
        if self.flag("null_checksum"):
            return None
        text = self.e["checksum"] if "checksum" in self.e else self.config.checksum(self.e["file"])
        return "sha256:" + text if text and self.flag("prefix_checksum") else text

    def filename(self):
        return self.e.get("filename", os.path.basename(self.e.get("file", "data.tar.gz")))

    def details(self, page):
        size = None if self.flag("null_size") else self.size()
        if size is not None and self.flag("size_as_string"):
            size = str(size)
        paid = self.flag("paid")
        d = {
            "id": self.e["id"], "slug": self.e["slug"], "name": self.e["slug"],
            "shortDescription": None, "longDescription": "", "sizeBytes": size,
            "checksum": self.checksum(), "createdAt": "2026-03-09T12:00:00.000Z",
            "organization": {"name": "Example", "slug": "example"},
            "pricing": {"isPaid": paid, "basePriceCents": 10000 if paid else None,
                        "currency": "usd" if paid else None, "platformFeeRate": None,
                        "platformFeeCents": None, "totalPriceCents": None},
            "locale": "en", "license": "Creative Commons Zero v1.0 Universal (CC0-1.0)",
            "licenseAbbreviation": "CC0-1.0", "task": "ASR", "format": "MP3",
            "datasetUrl": page, "filename": self.filename(), "isPaid": paid,
            "basePriceCents": 10000 if paid else None,
        }
        d.update({k: v for k, v in self.e.items() if k not in FLAGS and k != "checksum"})
        if self.flag("old_shape"):  # before checksum and filename were told
            for key in ("checksum", "filename", "isPaid", "basePriceCents", "pricing",
                        "licenseAbbreviation"):
                d.pop(key, None)
        return d

    def link(self, cfg, expires, entry=None):
        entry = entry or self.e
        storage = cfg.get("storage", "http://127.0.0.1/").rstrip("/")
        name = entry.get("object", os.path.basename(entry.get("file", "data.tar.gz")))
        url = storage + "/" + quote(name)
        if not cfg.get("secret"):
            return url
        # nginx goes by this machine's clock, and compares with $uri, which is the decoded path
        expires -= int(cfg.get("clock_offset", 0))
        text = "%d%s %s" % (expires, unquote(urlsplit(url).path), cfg["secret"])
        md5 = base64.urlsafe_b64encode(hashlib.md5(text.encode()).digest()).decode().rstrip("=")
        return "%s?md5=%s&expires=%d" % (url, md5, expires)

    def session(self, cfg):
        expires = int(self.config.now()) + int(cfg.get("link_lifetime", 43200))
        token = hashlib.sha256(os.urandom(16)).hexdigest()
        return {
            "accessRecordId": "cm" + token[:23],
            "downloadToken": "dlt_" + token[23:59],
            "downloadUrl": self.link(cfg, expires), "expiresAt": iso(expires),
            "sizeBytes": str(self.size()), "contentType": "application/gzip",
            "filename": self.filename(), "checksum": self.checksum(),
        }

    def token_session(self, cfg, proxy):
        """As the first generation answered: no link, no checksum, the size as a number."""
        expires = int(self.config.now()) + int(cfg.get("link_lifetime", 43200))
        return {
            "downloadToken": proxy.issue(self.e["id"], self.e["file"], expires),
            "expiresAt": iso(expires), "sizeBytes": self.size(),
            "contentType": "application/zip", "filename": self.filename(),
        }

    def sample_session(self, cfg):
        sample = self.e["sample"]
        expires = int(self.config.now()) + int(cfg.get("link_lifetime", 43200))
        return {
            "downloadUrl": self.link(cfg, expires, sample),
            "filename": sample.get("filename", os.path.basename(sample["file"])),
            "sizeBytes": str(os.stat(sample["file"]).st_size),
            "contentType": "application/gzip", "expiresAt": iso(expires),
        }


class Refusal(Exception):
    def __init__(self, status, error, headers=None, **more):
        super().__init__(error)
        self.status, self.headers = status, headers or {}
        self.body = {"error": error, **more}


class Odd(Exception):
    """An answer that is no JSON: a type and some bytes, or nothing at all.  length: what it says of
    itself; None: the last byte comes again and again."""

    def __init__(self, kind, data=None, length=0):
        super().__init__(kind)
        self.kind, self.data = kind, data
        self.length = length if length is None else max(length, len(data or b""))

    def behind(self, answer):
        """The same after a whole answer."""
        data = json.dumps(answer).encode()
        return Odd(self.kind, data, len(data) + self.length)


ODD = {
    "html": Odd("text/html", b"<!DOCTYPE html><title>Sign in</title>"),
    "garbage": Odd("application/json", b'{"downloadUrl": "http'),
    "empty": Odd("application/json", b""),
    "drop": Odd(""),
    "cut": Odd("application/json", b'{"downloadUrl": "http://127.0.0.1/"', 1000),
    "late-cut": Odd("application/json", b"", 1),
    "endless": Odd("application/json", b'{"downloadUrl": "http://127.0.0.1/', None),
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "mdcfs-sample-api"
    timeout = 60

    # -- what is asked ---------------------------------------------------------------------
    def route(self, method):
        url = urlsplit(self.path)
        parts = [unquote(p) for p in url.path.strip("/").split("/")]
        self.cfg = self.server.config.get()
        if parts[0] != "api":
            raise Refusal(404, "Not found")
        parts = parts[1:]
        if parts == ["health"] and method == "GET":
            return {"status": "ok"}
        if self.cfg.get("down"):
            raise Refusal(503, "Service unavailable")
        if self.cfg.get("request_limit"):
            raise Refusal(429, "Rate limit exceeded. Please try again later.",
                          {"Retry-After": str(self.cfg.get("request_wait", 1))}, type="request_limit")
        self.check_key_if_sent()
        if parts == ["openapi.json"] and method == "GET":
            return {"openapi": "3.1.0", "info": {"title": "sample", "version": "1"}, "paths": {}}
        if parts and parts[0] == "datasets":
            return self.datasets(method, parts[1:], parse_qs(url.query, keep_blank_values=True))
        if parts and parts[0] == "submissions":
            if not self.key():
                raise Refusal(401, "Authentication required.")
            raise Refusal(404, "Submission not found")
        raise Refusal(404, "Not found")

    def datasets(self, method, parts, query):
        if method == "GET" and not parts:
            return self.catalogue(query)
        if method == "GET" and parts == ["filters"]:
            return catalogue.filters([d for d, _ in self.shown()])
        if method == "GET" and len(parts) == 1:
            return self.details(parts[0])
        if method == "GET" and len(parts) == 2 and parts[1] == "metadata":
            return self.metadata(parts[0])
        if method == "POST" and len(parts) == 2 and parts[1] == "sample-download":
            return self.sample_download(parts[0])
        if method == "POST" and len(parts) == 2 and parts[1] == "download":
            return self.download(parts[0])
        if method == "GET" and len(parts) == 3 and parts[1] == "download":
            if self.cfg.get("generation") == "token":
                return self.proxied(parts[0], parts[2])
            raise Refusal(410, "This endpoint has been removed. Use POST /download to get a "
                               "presigned URL instead.")
        if len(parts) <= 2:
            raise Refusal(405, "Method not allowed")
        raise Refusal(404, "Not found")

    # -- answers ---------------------------------------------------------------------------
    def entries(self):
        return [Dataset(self.server.config, e) for e in self.cfg.get("datasets", [])]

    def find(self, name, by_slug):
        for d in self.entries():
            if d.e["id"] == name or (by_slug and d.e["slug"] == name):
                if d.flag("withdrawn"):
                    raise Refusal(410, "Dataset has been removed")
                return d
        raise Refusal(404, "Dataset not found")

    def page(self, d):
        host = self.headers.get("Host", "localhost")
        return "http://%s/datasets/%s" % (host, d.e["id"])

    def shown(self):
        """The datasets of the catalogue, each with whether it has a sample."""
        return [(d.details(self.page(d)), bool(d.flag("sample"))) for d in self.entries()
                if not d.flag("withdrawn") and not d.flag("private")]

    def catalogue(self, query):
        try:
            return catalogue.search(self.shown(), query, self.cfg)
        except catalogue.BadParameter as e:
            raise Refusal(400, "Invalid request parameters.",
                          details={str(e): "Must be a valid value."}) from e

    def metadata(self, name):
        d = self.find(name, by_slug=True)
        if d.flag("metadata", True) == "bad":
            raise Refusal(422, "The dataset cannot be described")
        if not d.flag("metadata", True):
            raise Refusal(404, "No metadata")
        self.content_type = "application/ld+json"
        return catalogue.croissant(d.details(self.page(d)))

    def sample_download(self, name):
        if not self.key():
            raise Refusal(401, "Authentication required.")
        d = self.find(name, by_slug=False)
        if not d.flag("sample"):
            raise Refusal(404, "Sample not found")
        if not self.server.config.spend(self.cfg.get("sample_limit"), "sample"):
            raise Refusal(429, "Too many sample downloads",
                          {"Retry-After": str(int(midnight(self.server.config.now()) - self.server.config.now()))})
        return d.sample_session(self.cfg)

    def next_fault(self, name):
        """A refusal is raised, what comes in place of an answer returned."""
        fault = self.server.config.next_fault(name)
        if fault[0].isdigit():
            status, _, after = fault.partition(":")
            raise Refusal(int(status), "Planned", {"Retry-After": after} if after else {},
                          **({"type": "request_limit"} if status == "429" else {}))
        return ODD.get(fault)

    def details(self, name):
        d = self.find(name, by_slug=True)
        if odd := self.next_fault("details_faults"):
            raise odd
        if d.flag("private") and not self.key():
            raise Refusal(403, "Access denied. Private dataset requires organization membership")
        return d.details(self.page(d))

    def download(self, name):
        if not self.key():
            raise Refusal(401, "Authentication required.")
        if not ID.match(name):
            raise Refusal(404, "Dataset not found")
        d = self.find(name, by_slug=False)
        if d.flag("paid"):
            raise Refusal(402, "This dataset has to be purchased")
        if not d.flag("terms_agreed", True):
            raise Refusal(403, "You must agree to the terms of use before downloading this dataset")
        odd = self.next_fault("post_faults")
        if not self.server.config.spend(self.cfg.get("daily_limit")):
            raise self.daily_limit()
        if odd:
            raise odd if odd.data != b"" or odd.length == 0 else odd.behind(d.session(self.cfg))
        self.tell_rate()
        if self.cfg.get("generation") == "token":
            return d.token_session(self.cfg, self.server.proxy)
        return d.session(self.cfg)

    def tell_rate(self):
        limit = self.cfg.get("daily_limit")
        if self.cfg.get("rate_headers") and limit is not None:
            left = max(0, limit - self.server.config.spent_today())
            self.more_headers = {"X-RateLimit-Limit": str(limit),
                                 "X-RateLimit-Remaining": str(left)}

    def proxied(self, name, token):
        if not self.key():
            raise Refusal(401, "Authentication required.")
        self.find(name, by_slug=False)
        try:
            return self.server.proxy.open(name, token, self.headers.get("Range"),
                                          self.server.config.now())
        except proxied.Refused as r:
            raise Refusal(r.status, r.text, r.headers) from r

    def daily_limit(self):
        now = self.server.config.now()
        after = self.cfg.get("retry_after")
        resets = midnight(now) if after is None else int(now) + int(after)
        more = {}
        if self.cfg.get("limit_object", True):
            more["limit"] = {"period": "daily", "remaining": 0, "resetsAt": iso(resets)}
        return Refusal(429, "Daily download limit reached",
                       {"Retry-After": str(max(0, int(resets - now)))}, **more)

    # -- the key ---------------------------------------------------------------------------
    def key(self):
        m = re.fullmatch(r"(?i)bearer +(\S+)", self.headers.get("Authorization", ""))
        return m.group(1) if m and m.group(1) in self.cfg.get("keys", []) else None

    def check_key_if_sent(self):
        if "Authorization" in self.headers and not self.key():
            raise Refusal(401, "Authentication required.")

    # -- HTTP ------------------------------------------------------------------------------
    def answer(self, method):
        self.drain()
        self.content_type, self.more_headers = "application/json", {}
        try:
            status, headers, body = 200, {}, self.route(method)
        except Refusal as r:
            status, headers, body = r.status, r.headers, r.body
        except Odd as odd:
            self.answer_oddly(method, odd)
            return
        except OSError as e:
            status, headers, body = 500, {}, {"error": "internal: " + str(e.strerror)}
        if isinstance(body, proxied.Part):
            self.send_part(method, body)
            return
        data = json.dumps(body).encode()
        # before the answer, so that who has it finds the line
        self.server.note(method, urlsplit(self.path).path, status)
        self.send_response(status)
        self.send_header("Content-Type", self.content_type)
        self.send_header("Content-Length", str(len(data)))
        for name, value in {**self.more_headers, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if method != "HEAD":
            self.wfile.write(data)

    def answer_oddly(self, method, odd):
        self.server.note(method, urlsplit(self.path).path, 0 if odd.data is None else 200)
        if odd.data is None:
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Content-Type", odd.kind)
        if odd.length is not None:
            self.send_header("Content-Length", str(odd.length))
        self.end_headers()
        self.wfile.write(odd.data)
        self.close_connection |= odd.length != len(odd.data)
        while odd.length is None:
            self.wfile.write(odd.data[-1:] * 65536)

    def send_part(self, method, part):
        """A file's bytes; the connection ends with it when the bandwidth is used up."""
        config = self.server.config
        status = 200 if part.whole else 206
        self.server.note(method, urlsplit(self.path).path, status)
        self.send_response(status)
        for name, value in part.headers().items():
            self.send_header(name, value)
        self.end_headers()
        left = part.end - part.first
        for data in part.chunks(self.cfg.get("bandwidth"), config.now):
            self.wfile.write(data)
            left -= len(data)
        if left > 0:
            self.close_connection = True

    def drain(self):
        """Read the request's body, so that the connection can be used again."""
        n = self.headers.get("Content-Length", "0")
        if not n.isdigit() or int(n) > 1 << 20:
            self.close_connection = True
            return
        self.rfile.read(int(n))

    def do_GET(self):
        self.answer("GET")

    def do_POST(self):
        self.answer("POST")

    def date_time_string(self, timestamp=None):
        return super().date_time_string(
            self.server.config.now() if timestamp is None else timestamp)

    def log_message(self, format, *args):  # the log has its own form, without queries and keys
        pass


class Server(loopback.Server):
    def __init__(self, port, config, log):
        super().__init__(port, Handler, log)
        self.config = config
        self.proxy = proxied.Proxy()

    def note(self, method, path, status):
        path = re.sub(r"(/download/).*", r"\1-", path)  # a token is as good as a link
        super().note("%s %s %d" % (method, path, status))


if __name__ == "__main__":
    loopback.main("A stand-in for the Mozilla Data Collective API.", "METHOD PATH STATUS", True,
                  lambda port, config, log: Server(port, Config(config), log))
