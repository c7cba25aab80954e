#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""A small stand-in for an OpenDataSoft portal, for tests and demonstrations.

    portal.py [--config FILE] [--port N] [--port-file FILE] [--log LOG]

It answers the eight APIs of Explore v1 (dataset search and lookup, records search and lookup,
analysis, download, geo clustering, push, multimedia) and the exports of v2.1, from datasets that
it makes up (see portal_data.py) and that are the same in each run.  Downloads and exports are
streamed: chunked, no length, no ranges.  CONFIG is JSON, read again whenever the file changes;
all of it may be absent:

    {"keys": ["key-1"],                  keys for `Authorization: Apikey`
     "users": {"name": "password"},      for Basic
     "anonymous": true,                  false: 401 without one of them
     "pushkeys": {"capteurs": "push-1"}, by dataset
     "quota": null,                      calls a day; beyond it every call is refused
     "quota_style": "429",               "403": as the old API, "quote": that with its stray quote,
                                         "anonymous": 429 with errorcode 10005
     "many": 0,                          so many small datasets more
     "padding": 0,                       a description of so many bytes for each of them
     "shrink": 0,                        each page of the catalogue makes it so much shorter
     "duplicate": false,                 each page begins with the last dataset of the one before
     "modified": {"velib": "2026-.."},   another date for a dataset, and other records with it
     "maxpoints": 1000,                  points of an analysis before it is truncated
     "faults": [{"path": REGEX, "query": REGEX, "times": N, "skip": N,   which requests; N: so many
                 "status": 500, "headers": {..}, "body": "text",         what is said instead
                 "cut": BYTES,           the connection ends after so much of a good body
                 "stall": BYTES, "seconds": S,   a pause there
                 "html": true}]}         a page for people, with a 200

LOG gets a line a request when it has ended: METHOD PATH?QUERY STATUS BYTES, the query without its
apikey and pushkey.
"""

import base64
import json
import os
import re
import threading
import time
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import loopback
import portal_data
from portal_query import Bad, analyze, clusters, csv_rows, feature, sort_records, wanted_records

WINDOW = 10000  # start + rows of a records search
CHUNK = 8192

CATALOGUE_PARAMETERS = {"q", "rows", "start", "sort", "facet", "format", "timezone", "lang",
                        "pretty_print", "callback", "apikey", "extrametas", "interopmetas"}


class Refusal(Exception):
    def __init__(self, status, body, headers=None):
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers or {}


class Answer:
    """Bytes of a known length, or pieces of an unknown one."""

    def __init__(self, kind, data=None, pieces=None, headers=None):
        self.kind, self.data, self.pieces, self.headers = kind, data, pieces, headers or {}


def as_json(value, headers=None):
    return Answer("application/json; charset=utf-8",
                  json.dumps(value, ensure_ascii=False).encode(), headers=headers)


def midnight(now):
    return int(now) // 86400 * 86400 + 86400


class State:
    """The configuration, the datasets that follow from it, what was pushed and what was spent."""

    def __init__(self, path):
        self.path = path
        self.lock = threading.RLock()
        self.stamp = None
        self.config, self.portal = {}, {}
        self.pushed = {}
        self.spent = 0
        self.hits = []

    def get(self):
        with self.lock:
            stamp = None
            if self.path:
                st = os.stat(self.path)
                stamp = (st.st_mtime_ns, st.st_size, st.st_ino)
            if not self.portal or stamp != self.stamp:
                try:
                    if self.path:
                        with open(self.path, encoding="utf-8") as f:
                            self.config = json.load(f)
                    self.portal = portal_data.datasets(self.config)
                    self.hits = [0] * len(self.config.get("faults", []))
                    self.spent = 0
                    self.stamp = stamp
                except ValueError:  # being written: the old one goes on until it is whole
                    if not self.portal:
                        raise
            return self.config, self.portal

    def fault(self, path, query):
        with self.lock:
            for i, f in enumerate(self.config.get("faults", [])):
                if not re.search(f.get("path", ""), path) or \
                        not re.search(f.get("query", ""), query):
                    continue
                self.hits[i] += 1
                skip = f.get("skip", 0)
                if self.hits[i] > skip and self.hits[i] <= skip + f.get("times", 1 << 60):
                    return f
        return None

    def spend(self, quota):
        with self.lock:
            if quota is not None and self.spent >= quota:
                return False
            self.spent += 1
            return True


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "mdcfs-sample-portal"
    timeout = 60

    # -- what is asked ---------------------------------------------------------------------
    def route(self, method, url, form):
        self.cfg, self.portal = self.server.state.get()
        path = url.path.rstrip("/") or "/"
        self.query = parse_qsl(url.query, keep_blank_values=True) + form
        parts = [unquote(p) for p in path.split("/")[1:]]
        if parts[:3] == ["api", "push", "1.0"]:
            return self.push(method, parts[3:])
        self.authorize()
        self.count()
        if parts[:3] == ["api", "datasets", "1.0"]:
            return self.datasets(parts[3:])
        if parts[:3] == ["api", "records", "1.0"] and len(parts) == 4:
            return self.records(parts[3], self.dataset(self.value("dataset")))
        if parts[:4] == ["api", "explore", "v2.1", "catalog"]:
            return self.explore(parts[4:])
        if parts[:2] == ["explore", "dataset"] and len(parts) == 4 and parts[3] == "download":
            return self.export(self.dataset(parts[2]), self.value("format") or "csv")
        raise Refusal(404, {"error": "Not found"})

    def value(self, name, default=None):
        found = [v for k, v in self.query if k == name]
        return found[-1] if found else default

    def number(self, name, default, high):
        text = self.value(name, str(default))
        if not re.fullmatch(r"-?[0-9]{1,9}", text) or not -1 <= int(text) <= high:
            raise Refusal(400, {"errorcode": 10002, "error": "Invalid value for parameter " + name})
        return int(text)

    def known(self, names, prefixes=()):
        for k, _ in self.query:
            if k not in names and not k.startswith(tuple(prefixes)):
                raise Refusal(400, {"error": "Unknown parameter: " + k})

    # -- who asks, and how often -----------------------------------------------------------
    def authorize(self):
        text = self.headers.get("Authorization", "")
        kind, _, secret = text.partition(" ")
        self.someone = False
        if kind.lower() == "apikey":
            self.someone = secret.strip() in self.cfg.get("keys", [])
        elif kind.lower() == "basic":
            try:
                user, _, password = base64.b64decode(secret).decode().partition(":")
            except ValueError:
                user, password = "", ""
            self.someone = bool(user) and self.cfg.get("users", {}).get(user) == password
        elif self.value("apikey"):
            self.someone = self.value("apikey") in self.cfg.get("keys", [])
        if (text and not self.someone) or not (self.someone or self.cfg.get("anonymous", True)):
            raise Refusal(401, {"error": "Unauthorized"}, {"WWW-Authenticate": "Basic"})

    def count(self):
        quota = self.cfg.get("quota")
        reset = midnight(time.time())
        if self.server.state.spend(quota):
            if quota is not None:
                self.limits = {"X-RateLimit-Limit": str(quota),
                               "X-RateLimit-Remaining": str(quota - self.server.state.spent),
                               "X-RateLimit-Reset": str(reset)}
            return
        headers = {"X-RateLimit-Limit": str(quota), "X-RateLimit-Remaining": "0",
                   "X-RateLimit-Reset": str(reset)}
        style = self.cfg.get("quota_style", "429")
        over = "License Violation Exception : You have exceeded your quotas."
        if style == "quote":  # as the documentation prints it: no valid JSON
            raise Refusal(403, '{\n    "errorcode": 10001,\n    "error"": "%s"\n}' % over, headers)
        if style == "403":
            raise Refusal(403, {"errorcode": 10001, "error": over}, headers)
        code = 10005 if style == "anonymous" else 10002
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(reset))
        raise Refusal(429, {
            "errorcode": code, "reset_time": when,
            "limit_time_unit": "day", "call_limit": quota,
            "error": "You have exceeded the requests limit"}, headers)

    # -- the catalogue ---------------------------------------------------------------------
    def visible(self):
        return [d for d in self.portal.values() if self.someone or not d.get("private")]

    def dataset(self, name):
        d = self.portal.get(name)
        if d is None or (d.get("private") and not self.someone):
            raise Refusal(404, {"errorcode": 10003, "error": "Unknown dataset: %s" % name})
        return d

    def datasets(self, parts):
        if parts in ([], ["search"]):
            return self.search()
        d = self.dataset(parts[0])
        if len(parts) == 1:
            return as_json(portal_data.shown(d))
        if len(parts) == 2 and parts[1] == "records":
            return self.records("search", d)
        if len(parts) == 3 and parts[1] == "records":
            for r in self.all_records(d):
                if r["recordid"] == parts[2]:
                    return as_json(r)
            raise Refusal(404, {"error": "Unknown record"})
        if len(parts) == 2 and parts[1] == "snapshots":
            return as_json([])
        return self.media(d, parts[1:])

    def search(self):
        self.known(CATALOGUE_PARAMETERS, ("refine.", "exclude.", "disjunctive."))
        found = portal_data.search(self.visible(), self.query)
        rows, start = self.number("rows", 10, WINDOW), self.number("start", 0, 1 << 30)
        shrink = self.cfg.get("shrink", 0)
        if shrink and start:
            found = found[:max(start, len(found) - shrink * (start // max(rows, 1)))]
        page = found[start:start + rows]
        if self.cfg.get("duplicate") and start and page:
            page = [found[start - 1]] + page[:-1]
        form = self.value("format", "json")
        if form == "csv":
            return Answer("text/csv", "".join(
                "%s;%s\r\n" % (d["datasetid"], d["metas"]["title"]) for d in page).encode())
        if form != "json":
            raise Refusal(400, {"error": "Invalid format"})
        return as_json({"nhits": len(found), "parameters": {"rows": rows, "start": start},
                        "datasets": [portal_data.shown(d) for d in page]})

    # -- records ---------------------------------------------------------------------------
    def all_records(self, d):
        with self.server.state.lock:
            return d["records"] + self.server.state.pushed.get(d["datasetid"], [])

    def records(self, what, d):
        common = {"dataset", "q", "timezone", "lang", "pretty_print", "callback", "apikey", "facet",
                  "geofilter.distance", "geofilter.polygon", "format", "sort", "fields"}
        prefixes = ("refine.", "exclude.", "disjunctive.")
        more = {"search": {"rows", "start"}, "download": {"rows", "csv_separator",
                                                          "use_labels_for_header"},
                "analyze": {"x", "maxpoints", "periodic", "precision", "csv_separator"},
                "geocluster": {"clusterprecision", "clusterdistance", "shapeprecision",
                               "clustermode"}}
        if what not in more:
            raise Refusal(404, {"error": "Not found"})
        if what in ("analyze", "geocluster"):
            prefixes += ("y.",)
        self.known(common | more[what], prefixes)
        found = wanted_records(self.all_records(d), self.query)
        if what == "analyze":
            most = self.number("maxpoints", self.cfg.get("maxpoints", 1000), 1 << 20)
            points, cut = analyze(found, self.query, most)
            headers = {"ODS-Analyze-Truncated": "true"} if cut else None
            if self.value("format") == "csv":
                names = list(points[0]) if points else []
                for p in points:
                    if isinstance(p["x"], dict):
                        p["x"] = "-".join("%02d" % n for n in p["x"].values())
                text = csv_rows(names, points, self.value("csv_separator", ";"))
                return Answer("text/csv", "".join(text).encode(), headers=headers)
            return as_json(points, headers)
        if what == "geocluster":
            return as_json(clusters(found, self.number("clusterprecision", 6, 29)))
        found = sort_records(found, self.value("sort"))
        if what == "search":
            return self.records_page(d, found)
        rows = self.number("rows", -1, 1 << 30)
        return self.download(d, found if rows < 0 else found[:rows], self.value("format", "csv"))

    def records_page(self, d, found):
        rows, start = self.number("rows", 10, 1 << 30), self.number("start", 0, 1 << 30)
        if rows < 0 or rows > WINDOW or start + rows > WINDOW:
            raise Refusal(400, {"errorcode": 10002,
                                "error": "start + rows must not exceed %d" % WINDOW})
        form, page = self.value("format", "json"), self.selected(found[start:start + rows])
        if form == "geojson":
            return as_json({"type": "FeatureCollection",
                            "features": [feature(r) for r in page if "geometry" in r]})
        if form != "json":
            raise Refusal(400, {"error": "Invalid format"})
        return as_json({"nhits": len(found), "parameters": {
            "dataset": d["datasetid"], "rows": rows, "start": start}, "records": page})

    def selected(self, records):
        names = self.value("fields")
        if not names:
            return records
        names = names.split(",")
        return [{**r, "fields": {k: v for k, v in r["fields"].items() if k in names}}
                for r in records]

    def download(self, d, records, form):
        records = self.selected(records)
        names = [f["name"] for f in d["fields"]]
        if self.value("fields"):
            names = [n for n in names if n in self.value("fields").split(",")]
        if form == "csv":
            return Answer("text/csv; charset=utf-8", pieces=csv_rows(
                names, (r["fields"] for r in records), self.value("csv_separator", ";")))
        if form == "json":
            return Answer("application/json", pieces=self.array(records, "[", "]"))
        if form == "geojson":
            return Answer("application/vnd.geo+json", pieces=self.array(
                (feature(r) for r in records if "geometry" in r),
                '{"type": "FeatureCollection", "features": [', "]}"))
        raise Refusal(400, {"error": "Invalid format"})

    @staticmethod
    def array(values, first, last):
        yield first
        for i, v in enumerate(values):
            yield (", " if i else "") + json.dumps(v, ensure_ascii=False)
        yield last

    # -- v2.1 ------------------------------------------------------------------------------
    def explore(self, parts):
        if len(parts) < 2 or parts[0] != "datasets":
            raise Refusal(404, {"message": "Not found", "error_code": "NotFound"})
        d = self.dataset(parts[1])
        if len(parts) == 2:
            return as_json({"dataset_id": d["datasetid"], "metas": {"default": d["metas"]},
                            "fields": d["fields"], "has_records": True})
        if parts[2:] == ["exports"]:
            base = "http://%s/api/explore/v2.1/catalog/datasets/%s/exports" % (
                self.headers.get("Host", "localhost"), d["datasetid"])
            return as_json({"links": [{"rel": "self", "href": base}] + [
                {"rel": f, "href": base + "/" + f} for f in portal_data.exports(d)]})
        if len(parts) == 4 and parts[2] == "exports":
            return self.export(d, parts[3])
        raise Refusal(404, {"message": "Not found", "error_code": "NotFound"})

    def export(self, d, form):
        if form not in portal_data.exports(d) + ["xls"]:
            raise Refusal(400, {"message": "Unknown export: " + form, "error_code": "ODSQLError"})
        records = self.all_records(d)
        if form in ("csv", "geojson"):
            return self.download(d, records, form)
        if form == "json":
            return Answer("application/json", pieces=self.array(
                (r["fields"] for r in records), "[", "]"))
        if form == "jsonl":
            return Answer("application/jsonl", pieces=(
                json.dumps(r["fields"], ensure_ascii=False) + "\n" for r in records))
        return Answer(*portal_data.packed(d, records, form))

    # -- multimedia ------------------------------------------------------------------------
    def media(self, d, parts):
        if parts[0] in ("attachments", "alternative_exports") and len(parts) == 2:
            for a in d.get(parts[0], []):
                if a["id"] == parts[1]:
                    return Answer(a["mimetype"], pieces=[portal_data.content(a)])
        if parts[0] in ("files", "images") and len(parts) in (2, 3):
            for r in d["records"]:
                for v in r["fields"].values():
                    if isinstance(v, dict) and v.get("id") == parts[1]:
                        data = portal_data.content(v)
                        return Answer(v["mimetype"], data[:100] if len(parts) == 3 else data)
        raise Refusal(404, {"error": "Not found"})

    # -- push ------------------------------------------------------------------------------
    def push(self, method, parts):
        if method != "POST" or len(parts) != 3 or parts[2] not in ("push", "delete"):
            raise Refusal(404, {"error": "Not found"})
        key = self.cfg.get("pushkeys", {"capteurs": "push-1"}).get(parts[0])
        if key is None or parts[0] not in self.portal:
            raise Refusal(404, {"error": "Unknown dataset"})
        if self.value("pushkey") != key:
            raise Refusal(401, {"error": "Invalid push key"})
        if len(self.sent) > 5 << 20:
            raise Refusal(413, {"error": "Too large"})
        try:
            sent = json.loads(self.sent)
        except ValueError:
            raise Refusal(400, {"error": "Invalid JSON"}) from None
        sent = sent if isinstance(sent, list) else [sent]
        if not all(isinstance(r, dict) for r in sent):
            raise Refusal(400, {"error": "Objects are expected"})
        state = self.server.state
        with state.lock:
            mine = state.pushed.setdefault(parts[0], [])
            for r in sent:
                mine.append(portal_data.record(parts[0], "pushed-%d" % len(mine), r))
        return as_json({"status": "OK"})

    # -- HTTP ------------------------------------------------------------------------------
    def answer(self, method):
        self.limits = {}
        url = urlsplit(self.path)
        form = self.read_body(method, url)
        self.n_sent = 0
        status = 0
        try:
            self.server.state.get()
            fault = self.server.state.fault(unquote(url.path), unquote(url.query)) or {}
            try:
                status, a = self.made_up(fault) or (200, self.route(method, url, form))
            except Bad as e:
                status, a = 400, as_json({"errorcode": 10002, "error": str(e)})
            except Refusal as r:
                text = r.body if isinstance(r.body, str) else json.dumps(r.body)
                status, a = r.status, Answer("application/json", text.encode(), headers=r.headers)
            self.reply(status, a, fault)
        finally:
            query = urlencode([(k, v) for k, v in parse_qsl(url.query, keep_blank_values=True)
                               if k not in ("apikey", "pushkey")])
            self.server.note("%s %s%s %d %d" % (method, url.path, "?" + query if query else "",
                                                status, self.n_sent))

    @staticmethod
    def made_up(fault):
        if fault.get("html"):
            return 200, Answer("text/html", b"<html><body>Please log in</body></html>")
        if "status" in fault or "body" in fault:
            return fault.get("status", 200), Answer(
                "application/json", fault.get("body", '{"error": "planned"}').encode(),
                headers=fault.get("headers"))
        return None

    def read_body(self, method, url):
        n = self.headers.get("Content-Length", "0")
        n = int(n) if n.isdigit() else 0
        self.sent = self.rfile.read(min(n, 8 << 20))
        if n > 8 << 20:
            self.close_connection = True
        if method == "POST" and not url.path.startswith("/api/push/"):
            return parse_qsl(self.sent.decode("utf-8", "replace"), keep_blank_values=True)
        return []

    def reply(self, status, a, fault):
        self.send_response(status)
        self.send_header("Content-Type", a.kind)
        for name, value in {**self.limits, **a.headers}.items():
            self.send_header(name, value)
        if a.data is not None:
            self.send_header("Content-Length", str(len(a.data)))
            self.end_headers()
            self.send_pieces([a.data], fault, lambda piece: piece)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.send_pieces(joined(a.pieces), fault, lambda p: b"%x\r\n%s\r\n" % (len(p), p))
        if not self.close_connection:
            self.wfile.write(b"0\r\n\r\n")

    def send_pieces(self, pieces, fault, framed):
        """Each piece, framed; cut or stalled where the fault says."""
        for piece in pieces:
            for what in ("stall", "cut"):
                at = fault.get(what, 1 << 60)
                if not self.n_sent <= at < self.n_sent + len(piece):
                    continue
                head, piece = piece[:at - self.n_sent], piece[at - self.n_sent:]
                if head:
                    self.wfile.write(framed(head))
                    self.wfile.flush()
                self.n_sent += len(head)
                if what == "cut":
                    self.close_connection = True
                    return
                time.sleep(fault.get("seconds", 3600))
            if piece:
                self.wfile.write(framed(piece))
                self.n_sent += len(piece)

    def do_GET(self):
        self.answer("GET")

    def do_POST(self):
        self.answer("POST")

    def log_message(self, format, *args):  # the log has its own form, without keys
        pass


def joined(pieces):
    """Strings or bytes of any size as byte strings of about CHUNK."""
    kept, n = [], 0
    for p in pieces:
        kept.append(p.encode() if isinstance(p, str) else p)
        n += len(kept[-1])
        if n >= CHUNK:
            yield b"".join(kept)
            kept, n = [], 0
    if kept:
        yield b"".join(kept)


class Server(loopback.Server):
    def __init__(self, port, config, log):
        super().__init__(port, Handler, log)
        self.state = State(config)
        self.state.get()


if __name__ == "__main__":
    loopback.main("A stand-in for an OpenDataSoft portal.", "METHOD PATH?QUERY STATUS BYTES", False,
                  Server)
