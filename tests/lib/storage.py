#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""A storage server with planned faults, for tests: files, single ranges, ETags.

    storage.py --dir DIR --port-file FILE [--plan PLAN] [--log LOG] [--etag TEXT]
               [--tls CERT KEY]

It listens on 127.0.0.1 (port: --port, else a free one, written to --port-file), speaks
HTTP/1.1, with --tls CERT KEY inside TLS, with kept connections and refuses HEAD with 403, as a URL presigned for GET does.
/.request answers with the request itself, line and headers; it is not counted.

PLAN says what happens to which GET.  A line is `N[-M] ACTION...` or `* ACTION...` for every
request that no numbered line names; the first line that fits wins; without one all is well.
`random SEED PERCENT [brisk|own]` as a line: so many of all other requests meet some fault that passes, which
one depends on SEED and the request's number alone; with brisk none that makes the client wait, with own none
that tells it to (Retry-After).
When the file changes it is read again and the count starts anew.  `#` begins a comment.

    ok                                nothing special
    close                             no answer, the connection is closed
    endless-headers                   a good answer begins, and its headers never end
    redirect=URL                      302
    CODE [retry-after=S] [body="T"] [type=T]    that status with this text
    206 WORD...                       a good answer but for:
        wrong-range                   Content-Range one byte further than the body
        wrong-total                   Content-Range with a size one too large
        etag="v2"                     another ETag (If-Match is not looked at)
        drop@N                        the connection closes after N body bytes
        stall@N [seconds=S]           nothing for S (3600) seconds after N body bytes
        slow=N                        N body bytes a second
        flip@N                        byte N of the body (its last, if shorter) is wrong
        short@N                       a Content-Length of N bytes, and no more body than that
        endless                       in chunks, and behind the right bytes others without end
        encoding=T                    says Content-Encoding: T; the bytes are the file's
    200 ignore-range                  the whole file, whatever was asked for
    200 page                          a web page in place of the file
Any of the words after 206 may stand after 200 ignore-range too; endless and wait=S (nothing at all for S
seconds), after any CODE.

LOG gets a line a request when it has ended:
    COUNT METHOD PATH RANGE STATUS BYTES
COUNT is `-` for what is not counted, PATH has no query, RANGE is the header or `-`, STATUS 0
means that none was sent, BYTES are those of the body that went out.  A client may have its
answer a moment before the line is there.
"""

import argparse
import email.utils
import http.server
import os
import random
import re
import shlex
import socketserver
import ssl
import sys
import threading
import time
import urllib.parse

CHUNK = 1 << 20
TICK = 0.05  # seconds between two pieces of a slow body


class PlanError(ValueError):
    pass


def parse_action(words):
    """The words of one action as a dict: code plus modifiers."""
    action = {"code": None}
    head, rest = words[0], words[1:]
    if head in ("ok", "close", "endless-headers"):
        action[head] = True
    elif head.startswith("redirect="):
        action["redirect"] = head.partition("=")[2]
    elif re.fullmatch(r"[1-5]\d\d", head):
        action["code"] = int(head)
    else:
        raise PlanError(f"unknown action {head!r}")
    for word in rest:
        name, sign, value = re.match(r"([^=@]*)([=@]?)(.*)", word, re.S).groups()
        key = name + sign
        if key in ("wrong-range", "wrong-total", "ignore-range", "endless", "page"):
            action[key] = True
        elif key in ("etag=", "body=", "type=", "encoding="):
            action[name] = value
        elif key in ("drop@", "stall@", "flip@", "short@", "slow=", "retry-after="):
            action[name] = int(value)
        elif key in ("seconds=", "wait="):
            action[name] = float(value)
        else:
            raise PlanError(f"unknown word {word!r}")
    if action.get("slow", 1) < 1:
        raise PlanError("slow must be positive")
    return action


def parse_plan(text):
    """A list of (first, last, action); first is None for `*`."""
    rules = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            words = shlex.split(line, comments=True)
            if not words:
                continue
            if words[0] == "random":
                rules.append(("random", int(words[2]),
                              (random.Random(int(words[1])).getrandbits(64),
                               BRISK if "brisk" in words else OWN if "own" in words else FAULTS)))
                continue
            span = re.fullmatch(r"(?:(\d+)(?:-(\d+))?|\*)", words[0])
            if not span or len(words) < 2:
                raise PlanError("want N[-M] ACTION")
            first = int(span[1]) if span[1] else None
            last = int(span[2]) if span[2] else first
            rules.append((first, last, parse_action(words[1:])))
        except ValueError as e:
            raise PlanError(f"plan line {number}: {e}") from None
    return rules


# What may happen to any request and passes.
BRISK = """500|502|503|429|close|408|200 page|200 ignore-range|206 wrong-range|206 drop@0|206 drop@1000
206 drop@100000|206 short@5000|206 endless|503 endless|endless-headers|206 drop@50000"""
OWN = BRISK + "|206 wait=0.5|206 stall@2000 seconds=4|206 slow=400000"
FAULTS = OWN + "|503 retry-after=1|429 retry-after=1"


def some_fault(number, percent, how):
    seed, faults = how
    rnd = random.Random(seed + number)
    if rnd.randrange(100) >= percent:
        return None
    return parse_action(rnd.choice(re.split(r"[|\n]", faults)).split())


class Plan:
    """Counts requests and says what happens to each; any thread."""

    def __init__(self, path):
        self.path, self.lock = path, threading.Lock()
        self.count, self.stamp, self.rules = 0, None, []
        self.reload()

    def reload(self):
        if self.path is None:
            return
        try:
            st = os.stat(self.path)
            stamp = (st.st_mtime_ns, st.st_ino, st.st_size)
            if stamp == self.stamp:
                return
            with open(self.path, encoding="utf-8") as f:
                self.rules = parse_plan(f.read())
        except FileNotFoundError:
            stamp, self.rules = None, []
            if self.stamp is None:
                return
        self.stamp, self.count = stamp, 0

    def next(self):
        with self.lock:
            try:
                self.reload()
            except PlanError as e:
                print(f"storage.py: {e}", file=sys.stderr, flush=True)
                os._exit(1)
            self.count += 1
            n = self.count
            for first, last, action in self.rules:
                if isinstance(first, int) and first <= n <= last:
                    return n, action
                if first == "random" and (action := some_fault(n, last, action)):
                    return n, action
            for first, last, action in self.rules:
                if first is None:
                    return n, action
            return n, {"code": None, "ok": True}


def parse_range(value, size):
    """(first, end) of one byte range, None to ignore the header, () if unsatisfiable.
    RFC 9110 14.1.2: both ends of `first-last` are inside; `-n` is the last n bytes."""
    m = re.fullmatch(r"bytes=[ \t]*(\d*)-(\d*)[ \t]*", value or "", re.I)
    if not m or not (m[1] or m[2]):
        return None
    if not m[1]:
        n = min(int(m[2]), size)
        return (size - n, size) if n else ()
    first = int(m[1])
    if m[2] and int(m[2]) < first:
        return None
    end = min(int(m[2]) + 1, size) if m[2] else size
    return (first, end) if first < size else ()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 600

    def log_message(self, *args):
        pass

    # --- answers ---

    def begin(self, code, length, **fields):
        self.status = code
        self.send_response(code)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def send_text(self, code, text, **fields):
        data = text.encode()
        fields.setdefault("Content_Type", "text/plain")
        self.begin(code, len(data), **fields)
        if self.command != "HEAD":
            self.wfile.write(data)
            self.sent += len(data)

    def send_endless(self, data):
        """These bytes and others, in chunks, until the client goes away."""
        while True:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data) if data else b"")
            self.sent += len(data)
            data = bytes(65536)

    def send_endless_headers(self):
        self.status = 206
        self.send_response(206)
        while True:
            self.wfile.write(b"X-More: %s\r\n" % (b"x" * 1000))

    def send_body(self, f, first, end, action):
        """The bytes [first, end) of f, with the plan's faults."""
        n = end - first
        f.seek(first)
        if "endless" in action:
            self.send_endless(f.read(n))
        if not action.keys() & {"drop", "stall", "slow", "flip"}:
            self.wfile.flush()
            if n and self.server.tls:
                self.wfile.write(f.read(n))
            elif n:
                self.connection.sendfile(f, first, n)
            self.sent += n
            return
        stops = sorted({min(action[k], n) for k in ("drop", "stall") if k in action} | {n})
        at = 0
        for stop in stops:
            self.send_piece(f, at, stop, n, action)
            at = stop
            if action.get("stall") is not None and min(action["stall"], n) == at:
                time.sleep(action.get("seconds", 3600))
            if action.get("drop") is not None and min(action["drop"], n) == at:
                self.close_connection = True
                return

    def send_piece(self, f, at, stop, n, action):
        step = max(1, int(action["slow"] * TICK)) if "slow" in action else CHUNK
        flip = min(action["flip"], n - 1) if "flip" in action else -1
        while at < stop:
            data = bytearray(f.read(min(step, stop - at)))
            if not data:
                self.close_connection = True  # the file shrank
                return
            if at <= flip < at + len(data):
                data[flip - at] ^= 0xFF
            self.wfile.write(data)
            at += len(data)
            self.sent += len(data)
            if "slow" in action:
                time.sleep(len(data) / action["slow"])

    def send_file(self, f, action):
        st = os.fstat(f.fileno())
        size = st.st_size
        etag = f'"{size}-{st.st_mtime_ns}"' if self.server.etag is None else self.server.etag
        if "etag" in action:
            etag = action["etag"] if '"' in action["etag"] else f'"{action["etag"]}"'
        elif not self.matches(etag):
            self.send_text(412, "the ETag is another\n", ETag=etag)
            return
        want = None if "ignore-range" in action else self.wanted(etag, size)
        if want == ():
            self.send_text(416, "no such range\n", Content_Range=f"bytes */{size}")
            return
        fields = {
            "ETag": etag,
            "Accept_Ranges": "bytes",
            "Content_Type": "application/octet-stream",
            "Last_Modified": email.utils.formatdate(st.st_mtime, usegmt=True),
        }
        if "encoding" in action:
            fields["Content_Encoding"] = action["encoding"]
        if "endless" in action:
            fields["Transfer_Encoding"] = "chunked"
        if want is None:
            self.begin(200, None if "endless" in action else size, **fields)
            self.send_body(f, 0, size, action)
            return
        shift = 1 if "wrong-range" in action else 0
        total = size + 1 if "wrong-total" in action else size
        fields["Content_Range"] = f"bytes {want[0] + shift}-{want[1] - 1 + shift}/{total}"
        length = min(want[1] - want[0], action.get("short", size))
        self.begin(206, None if "endless" in action else length, **fields)
        self.send_body(f, want[0], want[0] + length, action)

    def matches(self, etag):
        """If-Match, by strong comparison (RFC 9110 13.1.1)."""
        value = self.headers.get("If-Match")
        return value is None or value.strip() == "*" or (
            not etag.startswith("W/") and
            etag in re.findall(r'(?:W/)?"[^"]*"', value))

    def wanted(self, etag, size):
        condition = self.headers.get("If-Range")
        if condition is not None and condition.strip() != etag:
            return None
        return parse_range(self.headers.get("Range"), size)

    # --- requests ---

    def open_file(self):
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        parts = [p for p in path.split("/") if p not in ("", ".")]
        if ".." in parts or "\0" in path:
            return None
        full = os.path.join(self.server.dir, *parts)
        try:
            return open(full, "rb", buffering=0) if os.path.isfile(full) else None
        except OSError:
            return None

    def get(self, action):
        time.sleep(action.get("wait", 0))
        if "close" in action:
            self.close_connection = True
        elif "redirect" in action:
            self.send_text(302, "elsewhere\n", Location=action["redirect"], ETag='"redirect"')
        elif "endless-headers" in action:
            self.send_endless_headers()
        elif "page" in action:
            self.send_text(200, "<html><title>Log in</title></html>\n", Content_Type="text/html")
        elif action["code"] not in (None, 200, 206):
            fields = {"Content_Type": action.get("type", "text/plain")}
            if "retry-after" in action:
                fields["Retry_After"] = str(action["retry-after"])
            if "endless" in action:
                self.begin(action["code"], None, Transfer_Encoding="chunked", **fields)
                self.send_endless(action.get("body", "").encode())
            self.send_text(action["code"], action.get("body", ""), **fields)
        else:
            f = self.open_file()
            if f is None:
                self.send_text(404, "no such file\n")
                return
            with f:
                self.send_file(f, action)

    def echo(self):
        """The request as it arrived; a body is read and its length told."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_text(200, f"{self.requestline}\n{self.headers}body {len(body)}\n")

    def handle_one(self, answer, counted=False):
        self.status = self.sent = 0
        number, action = "-", None
        if counted:
            number, action = self.server.plan.next()
        try:
            answer(action) if counted else answer()
            self.wfile.flush()
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            self.close_connection = True
        finally:
            path = urllib.parse.urlsplit(self.path).path
            value = (self.headers.get("Range") or "-").replace(" ", "")
            self.server.log(f"{number} {self.command} {path} {value} {self.status} {self.sent}")

    def do_GET(self):
        if urllib.parse.urlsplit(self.path).path == "/.request":
            self.handle_one(self.echo)
        else:
            self.handle_one(self.get, counted=True)

    def do_POST(self):
        if urllib.parse.urlsplit(self.path).path == "/.request":
            self.handle_one(self.echo)
            return
        self.close_connection = True  # whatever its body is
        self.handle_one(lambda: self.send_text(405, "GET only\n", Allow="GET", Connection="close"))

    def do_HEAD(self):
        self.handle_one(lambda: self.send_text(403, "SignatureDoesNotMatch\n"))


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, options):
        super().__init__(("127.0.0.1", options.port), Handler)
        self.dir, self.etag, self.tls = os.path.abspath(options.dir), options.etag, None
        if options.tls:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*options.tls)
        self.plan = Plan(options.plan)
        self.log_lock = threading.Lock()
        self.log_file = open(options.log, "a", buffering=1, encoding="utf-8") if options.log else None

    def log(self, line):
        if self.log_file:
            with self.log_lock:
                self.log_file.write(line + "\n")

    def finish_request(self, request, client_address):
        if self.tls:  # in the connection's own thread: a handshake may take its time
            request = self.tls.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, ssl.SSLError)):
            super().handle_error(request, client_address)


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--dir", "--root", required=True, help="serve the files below it")
    p.add_argument("--port", type=int, default=0, help="0 (the default): a free one")
    p.add_argument("--port-file", help="gets the port when the server is ready")
    p.add_argument("--plan", help="the fault plan")
    p.add_argument("--log", help="a line a request is appended")
    p.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"), help="PEM files")
    p.add_argument("--etag", help="the ETag of every file, with its quotes")
    options = p.parse_args()
    try:
        server = Server(options)
    except (OSError, PlanError) as e:
        sys.exit(f"storage.py: {e}")
    if options.port_file:
        with open(options.port_file + ".new", "w", encoding="ascii") as f:
            f.write(f"{server.server_address[1]}\n")
        os.rename(options.port_file + ".new", options.port_file)
    try:
        server.serve_forever(poll_interval=1)
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
