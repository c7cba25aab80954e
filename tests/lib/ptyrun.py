#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Run a command on a terminal of its own and print what it writes there.

    ptyrun.py COLUMNS [-i TEXT] [-o] COMMAND [ARGUMENT...]

With -i it gets a Ctrl-C as soon as TEXT has appeared.  Standard output stays what it is; standard error and input
are the terminal; with -o standard output is it too.  The exit status is the command's.
"""
import fcntl
import os
import pty
import struct
import sys
import termios


def main():
    columns, args = int(sys.argv[1]), sys.argv[2:]
    wanted = None
    if args[0] == "-i":
        wanted, args = args[1].encode(), args[2:]
    all_of_it = args[0] == "-o"
    args = args[1:] if all_of_it else args
    out = os.dup(1)
    pid, fd = pty.fork()
    if pid == 0:
        fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        if not all_of_it:
            os.dup2(out, 1)
        os.execvp(args[0], args)
    os.close(out)
    seen = b""
    while True:
        try:
            data = os.read(fd, 65536)
        except OSError:  # EIO: nobody has the terminal any more
            data = b""
        if not data:
            break
        seen += data
        if wanted and wanted in seen:
            wanted = None
            os.write(fd, b"\x03")
    sys.stderr.buffer.write(seen)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 255)


main()
