#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""An HTTP proxy for tests: forwards http, tunnels CONNECT.

    proxy.py --port-file FILE --log LOG [--refuse STATUS]

LOG gets a line a request: METHOD TARGET.  With --refuse every CONNECT is answered with that status.
"""

import argparse
import os
import select
import socket
import socketserver
import urllib.parse


def relay(a, b):
    while True:
        ready = select.select([a, b], [], [], 60)[0]
        if not ready:
            return
        for s in ready:
            data = s.recv(1 << 16)
            if not data:
                return
            (b if s is a else a).sendall(data)


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        line = self.rfile.readline().decode("latin-1").strip()
        headers = []
        while (h := self.rfile.readline()) not in (b"\r\n", b"\n", b""):
            headers.append(h)
        if not line:
            return
        method, target, version = line.split(" ")
        with open(self.server.options.log, "a", encoding="latin-1") as f:
            f.write(f"{method} {target.partition('?')[0]}\n")
        if method == "CONNECT":
            self.tunnel(target)
            return
        url = urllib.parse.urlsplit(target)
        path = urllib.parse.urlunsplit(("", "", url.path or "/", url.query, ""))
        with socket.create_connection((url.hostname, url.port or 80)) as out:
            keep = [h for h in headers if not h.lower().startswith((b"proxy-", b"connection:"))]
            out.sendall(f"{method} {path} {version}\r\n".encode("latin-1") + b"".join(keep) +
                        b"Connection: close\r\n\r\n")
            while data := out.recv(1 << 16):
                self.wfile.write(data)

    def tunnel(self, target):
        if self.server.options.refuse:
            self.wfile.write(f"HTTP/1.1 {self.server.options.refuse} No\r\n"
                             "Content-Length: 0\r\n\r\n".encode())
            return
        host, port = target.rsplit(":", 1)
        with socket.create_connection((host, int(port))) as out:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            relay(self.connection, out)


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client that went away


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--port-file", required=True)
    p.add_argument("--log", required=True)
    p.add_argument("--refuse", type=int)
    options = p.parse_args()
    server = Server(("127.0.0.1", 0), Handler)
    server.options = options
    with open(options.port_file + ".new", "w", encoding="ascii") as f:
        f.write(f"{server.server_address[1]}\n")
    os.rename(options.port_file + ".new", options.port_file)
    server.serve_forever()


if __name__ == "__main__":
    main()
