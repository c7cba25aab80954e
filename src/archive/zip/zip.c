/* SPDX-License-Identifier: MPL-2.0 */
/* zip.c - see zip.h; zip_locate.c is its other half.  Section numbers are those of PKWARE's APPNOTE.
 */
#include "archive/zip/zip.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "archive/zip/zip_extra.h"
#include "archive/zip/zip_name.h"
#include "base/buf.h"

#define SIG_CENTRAL 0x02014b50u	  /* 4.3.12 */
#define SIG_SIGNATURE 0x05054b50u /* 4.3.13 */
#define SIG_LOCAL 0x04034b50u	  /* 4.3.7 */

#define CENTRAL_SIZE 46u
#define RECORD_MAX (CENTRAL_SIZE + 3 * 65535u)

#define FLAG_ENCRYPTED 0x0001u
#define FLAG_STRONG 0x0040u /* 7.2 */
#define FLAG_UTF8 0x0800u
#define FLAG_MASKED 0x2000u /* the directory is encrypted (7.3) */

#define DOS_READ_ONLY 0x01u
#define DOS_DIRECTORY 0x10u

struct zip_walk {
	struct zip_directory dir;
	const struct zip_ops *ops;
	void *arg;
	struct zip_name *names;
	struct buf link;  /* target of the current member, with its NUL */
	struct buf part;  /* the record that came in pieces so far */
	uint64_t fed;	  /* bytes of the directory */
	uint64_t entries; /* members seen */
	uint64_t cut;	  /* names that had a NUL inside */
	int err;	  /* what ended the walk */
	char error[160];
};

int zip_walk_new(const struct zip_directory *d, uint64_t file_size, const char *encoding,
		 const struct zip_ops *ops, void *arg, struct zip_walk **out)
{
	AUTO(auto_free) struct zip_walk *w = malloc(sizeof(*w));
	int r;

	if (d->at.from > d->at.to || d->at.to > file_size || d->shift > d->at.from)
		return -EINVAL;
	if (!w)
		return -ENOMEM;
	*w = (struct zip_walk){ .dir = *d,
				.ops = ops,
				.arg = arg,
				.part = BUF_INIT(RECORD_MAX),
				.link = BUF_INIT(RECORD_MAX) };
	r = zip_name_new(encoding, &w->names);
	if (r < 0)
		return r;
	*out = steal(&w);
	return 0;
}

struct zip_walk *zip_walk_free(struct zip_walk *w)
{
	if (!w)
		return NULL;
	zip_name_free(w->names);
	buf_free(&w->part);
	buf_free(&w->link);
	free(w);
	return NULL;
}

const char *zip_walk_error(const struct zip_walk *w)
{
	return w->error;
}

/* The raw name of n bytes, if any, is shown as far as it is plain text. */
static int damaged(struct zip_walk *w, const char *what, const unsigned char *name, size_t n)
{
	char text[41] = "";

	n = MIN(n, sizeof(text) - 1);
	for (size_t i = 0; i < n; i++)
		text[i] = name[i] >= ' ' && name[i] < 0x7f ? (char)name[i] : '?';
	snprintf(w->error, sizeof(w->error), "zip directory, entry %" PRIu64 "%s%s%s: %s",
		 w->entries + 1, n ? " (" : "", text, n ? ")" : "", what);
	w->err = -EBADMSG;
	return -EBADMSG;
}

/* One record of the directory, split into its parts; all pointers go into it. */
struct record {
	const unsigned char *fixed, *name;
	size_t n_name;
	struct zip_extra extra;
};

/* 4.5.3: field 0x0001 holds only what is saturated in the record, in this order. */
static bool read_zip64(const struct zip_extra *x, struct zip_entry *e, uint32_t *disk)
{
	const unsigned char *p = x->zip64;
	size_t n = x->n_zip64;
	uint64_t *const wide[] = { &e->size, &e->packed, &e->local };

	if (!p)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(wide); i++) {
		if (*wide[i] != UINT32_MAX)
			continue;
		if (n < 8)
			return false;
		*wide[i] = zip_le64(p);
		p += 8;
		n -= 8;
	}
	if (*disk != UINT16_MAX)
		return true;
	if (n < 4)
		return false;
	*disk = zip_le32(p);
	return true;
}

/* NULL, or how the entry lies about where its data is. */
static const char *check_place(const struct zip_directory *d, struct zip_entry *e)
{
	uint64_t head, end;

	if (__builtin_add_overflow(e->local, d->shift, &e->local) ||
	    __builtin_add_overflow(e->local, ZIP_LOCAL_HEADER, &head) || head > d->at.from)
		return "its header lies outside the file";
	if (__builtin_add_overflow(head, e->packed, &end) || end > d->at.from)
		return "its data lies outside the file";
	if (e->method == ZIP_STORED && !e->encrypted && e->size != e->packed)
		return "it is stored with two different sizes";
	if (e->packed == 0 && e->size > 0)
		return "it has a size and no data";
	return NULL;
}

/* 4.4.5: method 99 says nothing but that the extra field has the rest. */
static void read_aes(const struct zip_extra *x, struct zip_entry *e)
{
	if (e->method != ZIP_AES || !e->encrypted || !x->has_aes)
		return;
	e->method = x->aes_method;
	e->aes = x->aes_strength;
	e->has_crc = x->aes_version == 1;
}

static bool is_unix(unsigned host) /* 4.4.2: Unix and Mac OS X */
{
	return host == 3 || host == 19;
}

static bool is_dos(unsigned host) /* FAT, HPFS, NTFS as two numbers, VFAT */
{
	return host == 0 || host == 6 || host == 10 || host == 11 || host == 14;
}

static bool known_type(uint32_t type)
{
	return type == S_IFREG || type == S_IFDIR || type == S_IFLNK || type == S_IFIFO ||
	       type == S_IFCHR || type == S_IFBLK || type == S_IFSOCK;
}

static uint32_t dos_mode(unsigned host, uint32_t attr, bool dir)
{
	uint32_t perm = dir ? 0755 : 0644;

	if (is_dos(host) && (attr & DOS_READ_ONLY))
		perm &= ~0222u;
	return (dir ? S_IFDIR : S_IFREG) | perm;
}

/* The upper half of the external attributes is a Unix mode also when an archiver that says FAT
 * puts a valid file type there.  A '/' at the end means a directory whatever the mode says. */
static uint32_t entry_mode(unsigned host, uint32_t attr, const struct zip_entry *e, bool slash)
{
	uint32_t mode = attr >> 16, type = mode & S_IFMT;
	bool dos_dir = (is_dos(host) || is_unix(host)) && (attr & DOS_DIRECTORY) && e->size == 0;

	if (mode == 0 || (!is_unix(host) && !known_type(type)))
		return dos_mode(host, attr, slash || dos_dir);
	if (slash)
		return S_IFDIR | (type == S_IFDIR || type == 0 ? mode & 07777 : 0755);
	return (known_type(type) ? type : S_IFREG) | (mode & 07777);
}

static int read_name(struct zip_walk *w, const struct record *rec, struct zip_entry *e)
{
	const unsigned char *p = rec->fixed;
	size_t len;
	unsigned from = is_unix(p[5]) ? ZIP_NAME_UNIX : is_dos(p[5]) ? ZIP_NAME_DOS : 0;
	int r;

	if (zip_le16(p + 8) & FLAG_UTF8)
		from |= ZIP_NAME_UTF8;
	r = zip_name_path(w->names, rec->name, rec->n_name, from, &rec->extra, &e->path, &len);
	if (r < 0)
		return r;
	w->cut += rec->n_name > 0 && memchr(rec->name, '\0', rec->n_name);
	e->mode = entry_mode(p[5], zip_le32(p + 38), e, len > 0 && e->path[len - 1] == '/');
	return 0;
}

/* What is no data but a link's target or a device's numbers (4.5.7). */
static int read_unix_data(struct zip_walk *w, const struct zip_extra *x, struct zip_entry *e)
{
	size_t n = x->n_unix_data;
	int r;

	if (!x->unix_data || e->packed > 0)
		return 0;
	if ((S_ISCHR(e->mode) || S_ISBLK(e->mode)) && n >= 8) {
		e->dev_major = zip_le32(x->unix_data);
		e->dev_minor = zip_le32(x->unix_data + 4);
	}
	if (!S_ISREG(e->mode) && !S_ISLNK(e->mode))
		return 0;
	w->link.len = 0;
	r = buf_add(&w->link, x->unix_data, strnlen((const char *)x->unix_data, n));
	if (r == 0)
		r = buf_add(&w->link, "", 1);
	e->link = w->link.p;
	e->size = 0;
	return r;
}

static int read_record(struct zip_walk *w, const struct record *rec, struct zip_entry *e)
{
	const unsigned char *p = rec->fixed;
	uint32_t disk = zip_le16(p + 34);
	bool zip64;
	int r;

	*e = (struct zip_entry){
		.uid = rec->extra.uid,
		.gid = rec->extra.gid,
		.has_ids = rec->extra.has_ids,
		.size = zip_le32(p + 24),
		.packed = zip_le32(p + 20),
		.local = zip_le32(p + 42),
		.crc = zip_le32(p + 16),
		.method = zip_le16(p + 10),
		.encrypted = zip_le16(p + 8) & FLAG_ENCRYPTED,
		.strong = zip_le16(p + 8) & FLAG_STRONG,
		.has_crc = true,
	};
	if (zip_le16(p + 8) & FLAG_MASKED)
		return damaged(w, "the directory is encrypted", rec->name, rec->n_name);
	zip64 = read_zip64(&rec->extra, e, &disk);
	read_aes(&rec->extra, e);
	zip_extra_mtime(&rec->extra, zip_le16(p + 14), zip_le16(p + 12), &e->mtime, &e->mtime_ns);
	r = read_name(w, rec, e);
	if (r == 0)
		r = read_unix_data(w, &rec->extra, e);
	e->lie = !zip64	     ? "its zip64 field is too short"
		 : disk != 0 ? "it lies in another volume"
			     : check_place(&w->dir, e);
	return r;
}

/* A whole record: report its member.  A digital signature says nothing to us. */
static int take_record(struct zip_walk *w, const unsigned char *p)
{
	struct record rec = { .fixed = p, .name = p + CENTRAL_SIZE };
	struct zip_entry e;
	int r;

	if (zip_le32(p) == SIG_SIGNATURE)
		return 0;
	rec.n_name = zip_le16(p + 28);
	zip_extra_parse(rec.name + rec.n_name, zip_le16(p + 30), &rec.extra);
	r = read_record(w, &rec, &e);
	if (r < 0)
		return r;
	w->entries++;
	return w->ops->member(w->arg, &e);
}

/* How many bytes the record that begins with these n bytes has, as far as they tell: at
 * most n when it is complete.  0: no record begins here. */
static size_t record_size(const unsigned char *p, size_t n)
{
	if (n < 6)
		return 6;
	if (zip_le32(p) == SIG_SIGNATURE)
		return 6u + zip_le16(p + 4);
	if (zip_le32(p) != SIG_CENTRAL)
		return 0;
	if (n < CENTRAL_SIZE)
		return CENTRAL_SIZE;
	return CENTRAL_SIZE + (size_t)zip_le16(p + 28) + zip_le16(p + 30) + zip_le16(p + 32);
}

/* Use up some of the input, which gives at most one record; what is in pieces goes to w->part,
 * no more of it than the record is known to have (it says in two steps how long it is). */
static int take_some(struct zip_walk *w, const unsigned char *p, size_t n, size_t *used)
{
	bool joined = w->part.len > 0;
	const unsigned char *rec = joined ? (const unsigned char *)w->part.p : p;
	size_t have = joined ? w->part.len : n;
	size_t size = record_size(rec, have);
	int r;

	*used = size;
	if (size > have) {
		*used = joined ? MIN(n, size - have) : n;
		r = buf_add(&w->part, p, *used);
		if (r < 0)
			return r;
		rec = (const unsigned char *)w->part.p;
		have = w->part.len;
		size = record_size(rec, have);
	}
	if (size == 0)
		return damaged(w, "no directory record begins here", NULL, 0);
	if (size > have)
		return 0;
	w->part.len = 0;
	return take_record(w, rec);
}

int zip_walk_feed(struct zip_walk *w, const void *p, size_t n)
{
	const unsigned char *at = p;
	size_t used;

	if (w->err != 0)
		return w->err;
	if (n > range_len(w->dir.at) - w->fed)
		return damaged(w, "bytes beyond the directory's end", NULL, 0);
	w->fed += n;
	while (w->err == 0 && n > 0) {
		w->err = take_some(w, at, n, &used);
		at += used;
		n -= used;
	}
	return w->err;
}

int zip_walk_end(struct zip_walk *w)
{
	if (w->err != 0)
		return w->err;
	if (w->fed < range_len(w->dir.at) || w->part.len > 0)
		return damaged(w, "the directory ends inside it", NULL, 0);
	/* Writers without zip64 let the 16-bit count wrap. */
	if (w->entries != w->dir.entries &&
	    (w->dir.entries > UINT16_MAX || (w->entries & UINT16_MAX) != w->dir.entries))
		return damaged(w, "the end record says another number of entries", NULL, 0);
	return 0;
}

uint64_t zip_walk_cut(const struct zip_walk *w)
{
	return w->cut;
}

const char *zip_method_name(unsigned method)
{
	static const struct {
		unsigned method;
		const char *name;
	} names[] = {
		{ 0, "stored" },     { 1, "Shrink" },	    { 2, "Reduce" },  { 3, "Reduce" },
		{ 4, "Reduce" },     { 5, "Reduce" },	    { 6, "Implode" }, { 8, "Deflate" },
		{ 9, "Deflate64" },  { 10, "DCL Implode" }, { 12, "BZIP2" },  { 14, "LZMA" },
		{ 20, "Zstandard" }, { 93, "Zstandard" },   { 94, "MP3" },    { 95, "XZ" },
		{ 96, "JPEG" },	     { 97, "WavPack" },	    { 98, "PPMd" },   { 99, "AES" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].method == method)
			return names[i].name;
	return "unknown";
}

int zip_local_size(const void *header, uint32_t *out)
{
	const unsigned char *p = header;

	if (zip_le32(p) != SIG_LOCAL)
		return -EBADMSG;
	*out = ZIP_LOCAL_HEADER + (uint32_t)zip_le16(p + 26) + zip_le16(p + 28);
	return 0;
}
