#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Many processes that read at once, and what became of them.

    readers.py [--buffered] blocks COUNT FILE FIRST STEP REFERENCE
        COUNT processes, the i-th of which reads the 128 KiB block FIRST + i * STEP
    readers.py random COUNT FILE TIMES LENGTH REFERENCE
        COUNT processes, each of which reads LENGTH bytes TIMES times, at places of its own
    readers.py files COUNT TREE REFERENCE
        COUNT processes, each of which reads all files of TREE, in an order of its own

They begin when all have been started.  Prints a line `NUMBER WORD` for every outcome: ok, differs,
the name of an error, or `signal N`.  Exit 0 when all are ok.  SIGINT and SIGTERM go on to the
readers and come back as outcomes.
"""
import collections
import errno
import os
import random
import signal
import sys

BLOCK = 128 << 10


def read_block(path, block, reference, flags):
    wanted, got = (None, None)
    for name, extra in ((reference, 0), (path, flags)):
        fd = os.open(name, os.O_RDONLY | extra)
        wanted, got = got, os.pread(fd, BLOCK, block * BLOCK)
        os.close(fd)
    return "ok" if wanted == got else "differs"


def read_randomly(path, times, length, reference, seed):
    places = random.Random(seed)
    wanted, got = os.open(reference, os.O_RDONLY), os.open(path, os.O_RDONLY)
    for _ in range(times):
        at = places.randrange(os.fstat(wanted).st_size - length)
        if os.pread(got, length, at) != os.pread(wanted, length, at):
            return "differs"
    return "ok"


def read_files(tree, reference, seed):
    names = []
    for folder, _, files in os.walk(reference):
        names += [os.path.relpath(os.path.join(folder, f), reference) for f in files]
    names.sort()
    random.Random(seed).shuffle(names)
    for name in names:
        with open(os.path.join(reference, name), "rb") as a, open(os.path.join(tree, name), "rb") as b:
            if a.read() != b.read():
                return "differs"
    return "ok"


def outcome(work):
    try:
        return work()
    except OSError as error:
        return errno.errorcode[error.errno]


def start(work, gate, report):
    """A child that waits for the gate, works, and reports its word."""
    pid = os.fork()
    if pid == 0:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        os.close(gate[1])
        os.read(gate[0], 1)
        os.write(report[1], (outcome(work) + "\n").encode())
        os._exit(0)
    return pid


def works(argv):
    flags = os.O_DIRECT
    if argv[0] == "--buffered":
        flags, argv = 0, argv[1:]
    if argv[0] == "blocks":
        count, path, first, step, reference = (int(argv[1]), argv[2], int(argv[3]), int(argv[4]),
                                               argv[5])
        return [lambda i=i: read_block(path, first + i * step, reference, flags)
                for i in range(count)]
    if argv[0] == "random":
        return [lambda i=i: read_randomly(argv[2], int(argv[3]), int(argv[4]), argv[5], i)
                for i in range(int(argv[1]))]
    return [lambda i=i: read_files(argv[2], argv[3], i) for i in range(int(argv[1]))]


def main():
    todo = works(sys.argv[1:])
    gate, report = os.pipe(), os.pipe()
    pids = [start(work, gate, report) for work in todo]
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda n, frame: [os.kill(p, n) for p in pids])
    os.close(gate[0])
    os.close(gate[1])
    os.close(report[1])
    words = collections.Counter()
    for pid in pids:
        status = os.waitpid(pid, 0)[1]
        if os.WIFSIGNALED(status):
            words["signal %d" % os.WTERMSIG(status)] += 1
    with os.fdopen(report[0]) as lines:
        words.update(line.strip() for line in lines)
    for word, count in sorted(words.items()):
        print(count, word)
    sys.exit(words["ok"] != len(todo))


main()
