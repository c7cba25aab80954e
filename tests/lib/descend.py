#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""descend.py FOLDER NAME: go down through directories called NAME, one openat(2) after the other.

Prints how many there are, then each file in the deepest one and its text.
"""
import os
import sys


def main():
    fd, levels = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECTORY), 0
    while True:
        try:
            below = os.open(sys.argv[2], os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
        except FileNotFoundError:
            break
        os.close(fd)
        fd, levels = below, levels + 1
    print(levels)
    for name in sorted(os.listdir(fd)):
        with open(os.open(name, os.O_RDONLY, dir_fd=fd)) as f:
            print(name, f.read(), end="")


main()
