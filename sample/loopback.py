# SPDX-License-Identifier: MPL-2.0
"""What the stand-ins api.py and portal.py have in common: a server on loopback, with a log."""

import argparse
import os
import sys
import threading
from http.server import ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port, handler, log):
        super().__init__(("127.0.0.1", port), handler)
        self.log = open(log, "a", encoding="utf-8") if log else None
        self.log_lock = threading.Lock()

    def note(self, line):
        if self.log:
            with self.log_lock:
                self.log.write(line + "\n")
                self.log.flush()

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


def main(description, log_form, needs_config, make):
    """Serve until Ctrl-C; make(port, config, log) gives the server."""
    p = argparse.ArgumentParser(description=description)
    p.add_argument("--config", required=needs_config,
                   help="JSON file, read again when it changes")
    p.add_argument("--port", type=int, default=0, help="0 = any free one")
    p.add_argument("--port-file", help="write the port here once requests are answered")
    p.add_argument("--log", help="append one line a request: " + log_form)
    args = p.parse_args()
    server = make(args.port, args.config, args.log)
    port = server.server_address[1]
    if args.port_file:
        with open(args.port_file + ".tmp", "w", encoding="ascii") as f:
            f.write("%d\n" % port)
        os.rename(args.port_file + ".tmp", args.port_file)
    else:
        print(port, flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
