/* SPDX-License-Identifier: MPL-2.0 */
/* zip.h - a zip file's central directory (PKWARE APPNOTE 6.3.x), as pure parsing.
 *
 * Members are known from the central directory alone; a member's local header is read only
 * together with its data.  Everything in it is checked against the file's size.  A record that
 * lies about its own data alone is reported as such and the walk goes on; one that leaves in
 * doubt where the next begins, or which members there are, ends it.  Threads: no shared state.
 */
#ifndef ARCHIVE_ZIP_H
#define ARCHIVE_ZIP_H

#include "base/range.h"

#define ZIP_TAIL 65557u /* an end record with the longest comment */
#define ZIP_LOCAL_HEADER 30u

enum { ZIP_STORED = 0, ZIP_DEFLATED = 8, ZIP_AES = 99 };

struct zip_directory {
	struct range at;  /* where the central directory lies in the file */
	uint64_t entries; /* as the end record says */
	uint64_t shift;	  /* added to every offset in it: a self-extractor's prefix */
};

/* Find the end record in the file's last n bytes (n >= MIN(size, ZIP_TAIL)), zip64's too.
 * 0; -EBADMSG = no zip, or it lies (*why says what); -EAGAIN = the zip64 end record is not in the
 * tail: call again with the bytes of *need, which the caller fetches, as tail64 (else NULL). */
int zip_locate(const void *tail, size_t n, uint64_t size, const void *tail64, size_t n64,
	       struct zip_directory *out, struct range *need, const char **why) MUST_CHECK;

struct zip_entry {
	const char *path;  /* UTF-8 (converted when needed) or raw bytes; no NUL inside; borrowed;
				   '/' at the end is kept and means a directory */
	uint32_t mode;	   /* S_IFMT bits and permissions; made up for non-Unix archives */
	uint64_t uid, gid; /* from Info-ZIP's "ux" field, else 0 */
	bool has_ids;
	int64_t mtime; /* seconds since 1970: extended timestamp, NTFS, else DOS local time */
	uint32_t mtime_ns;
	uint64_t size, packed; /* bytes after and before inflating */
	uint64_t local;	       /* file offset of the local header, shift applied */
	uint32_t crc;
	uint16_t method; /* of ZIP_AES: what was done before encrypting; else 4.4.5's */
	bool encrypted;
	bool strong;	  /* encrypted by section 7's methods, which nobody reads */
	uint8_t aes;	  /* encrypted by WinZip's: key strength 1..3, else 0 */
	bool has_crc;	  /* else crc says nothing (AE-2) */
	const char *link; /* PKWARE's Unix field: target of a symlink without data, or of a hard
				   link (then it is a regular file); borrowed, or NULL */
	uint32_t dev_major, dev_minor; /* of a device, where that field is there */
	const char *lie; /* NULL, or why its data cannot be where the directory says */
};

struct zip_ops {
	int (*member)(void *arg, const struct zip_entry *e); /* not 0 ends the walk */
};

/* The directory is fed in pieces of any size, in order.  encoding: an iconv(3) name for names
 * without the UTF-8 flag, NULL or "" = CP437 (zip_name.h has the exact rule).  Errors: -EINVAL for
 * an unknown encoding (logged) or an impossible directory, -ENOMEM. */
struct zip_walk;
int zip_walk_new(const struct zip_directory *d, uint64_t file_size, const char *encoding,
		 const struct zip_ops *ops, void *arg, struct zip_walk **out) MUST_CHECK;
struct zip_walk *zip_walk_free(struct zip_walk *w); /* NULL ok; returns NULL */
int zip_walk_feed(struct zip_walk *w, const void *p,
		  size_t n) MUST_CHECK;		 /* 0, -EBADMSG, an op's */
int zip_walk_end(struct zip_walk *w) MUST_CHECK; /* 0, or -EBADMSG: entries missing or left over */
const char *zip_walk_error(const struct zip_walk *w); /* one sentence after -EBADMSG; borrowed */

/* Names that were cut at a NUL so far. */
uint64_t zip_walk_cut(const struct zip_walk *w);

/* APPNOTE 4.4.5; "unknown" for a number that has no name. */
const char *zip_method_name(unsigned method);

/* From the 30 fixed bytes of a local header: the bytes from its start to the member's data.
 * -EBADMSG: no local header there. */
int zip_local_size(const void *header, uint32_t *out) MUST_CHECK;

#endif
