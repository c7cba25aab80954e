/* SPDX-License-Identifier: MPL-2.0 */
/* sums.h - a checksum in every page of an index file: what SQLite reads and writes goes through here.
 *
 * The last 8 bytes of a page are reserved (byte 20 of the file's header is 8; sqlite.org/fileformat.html,
 * 1.3.4): the CRC-32C of the page without them and of its number, counted from 1 (both as 32-bit
 * little-endian numbers), and four zeros.  They are made when a page is written to the database and looked at whenever one
 * is read from it: a page that is not what was written is SQLITE_IOERR_DATA and nothing else, so that no
 * name, place or seek point is ever read out of a damaged one.  The log of SQLite has checksums of its
 * own, which are looked at when it is opened.
 *
 * A file of another version of the format is read as it is, and its version told.
 */
#ifndef ARCHIVE_SUMS_H
#define ARCHIVE_SUMS_H

#include "base/util.h"

#define SUMS_VFS "mdcfs"
#define SUMS_RESERVED 8

/* Let SQLite know SUMS_VFS.  Any thread; once is enough, often does no harm.  0 or -ENOMEM. */
int sums_register(void) MUST_CHECK;

#endif
