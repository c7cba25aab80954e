/* SPDX-License-Identifier: MPL-2.0 */
/* foreign_reader.c - see foreign_reader.h.  libarchive has a struct archive of its own: nothing of
 * archive.h or state.h may be included here.
 */
#include "archive/foreign/foreign_reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"

#define PATH_BYTES_MAX (64u << 10)
#define EXTENTS_MAX (1u << 20)
#define FAILED_MAX 1000u /* damaged headers in a row, then the archive is */
#define EMPTY_MAX 10000u /* pieces of data without a byte in a row, then the entry is damaged */

struct foreign_reader {
	struct archive *la;
	struct foreign_source *source;
	locale_t locale; /* UTF-8 names; 0: there is none here, names may get lost */
	struct foreign_entry e;
	bool dead;     /* it could not be opened: the first next() says so */
	bool open;     /* e is an entry whose data has not come to an end */
	uint64_t next; /* stream offset behind e, but for an unknown size */
	uint64_t skipped;

	const unsigned char *in; /* libarchive's piece: n_in bytes of the file from in_off on */
	size_t n_in;
	uint64_t in_off;
	uint32_t extent;		  /* the one that in_off was last seen in */
	uint64_t extent_base;		  /* bytes of the room before it */
	uint64_t given;			  /* bytes of the room handed out */
	struct member_extent whole;	  /* the extents of what is not sparse */
	struct buf path, link, hard_link; /* names that had to be converted here */
	struct xattrs xattrs;		  /* e's */
	char error[200];
};

/* ---- what libarchive calls ---- */

static la_ssize_t on_read(struct archive *la, void *arg, const void **p)
{
	struct foreign_reader *f = arg;
	int64_t n = foreign_source_read(f->source, p);

	if (n >= 0)
		return (la_ssize_t)n;
	archive_set_error(la, (int)-n, "cannot be read");
	return ARCHIVE_FATAL;
}

static la_int64_t on_skip(struct archive *la, void *arg, la_int64_t n)
{
	struct foreign_reader *f = arg;

	(void)la;
	return n > 0 ? (la_int64_t)foreign_source_skip(f->source, (uint64_t)n) : 0;
}

static la_int64_t on_seek(struct archive *la, void *arg, la_int64_t off, int whence)
{
	struct foreign_reader *f = arg;
	int64_t base = 0, pos;

	if (whence == SEEK_CUR)
		base = (int64_t)foreign_source_position(f->source);
	else if (whence == SEEK_END)
		base = (int64_t)foreign_source_size(f->source);
	if (__builtin_add_overflow(base, off, &pos) || pos < 0) {
		archive_set_error(la, EINVAL, "refers to bytes that cannot exist");
		return ARCHIVE_FATAL;
	}
	foreign_source_seek(f->source, (uint64_t)pos);
	return pos;
}

/* ---- open and close ---- */

static void locale_leave(locale_t *old)
{
	uselocale(*old);
}

/* Names are converted to the locale's character set: UTF-8, for this thread and this call. */
#define UTF8_SCOPE(f) \
	AUTO(locale_leave) locale_t old_locale __attribute__((unused)) = uselocale((f)->locale)

/* A filter that libarchive has no library for would start a program: those are left out. */
static int support_filters(struct archive *la)
{
	static int (*const filters[])(struct archive *) = {
		archive_read_support_filter_bzip2, archive_read_support_filter_compress,
		archive_read_support_filter_gzip,  archive_read_support_filter_lz4,
		archive_read_support_filter_lzip,  archive_read_support_filter_lzma,
		archive_read_support_filter_rpm,   archive_read_support_filter_xz,
		archive_read_support_filter_zstd,
	};

	for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
		struct archive *probe = archive_read_new();

		if (!probe)
			return -ENOMEM;
		if (filters[i](probe) == ARCHIVE_OK)
			filters[i](la);
		archive_read_free(probe);
	}
	return 0;
}

static void support_formats(struct archive *la)
{
	static int (*const formats[])(struct archive *) = {
		archive_read_support_format_7zip,    archive_read_support_format_ar,
		archive_read_support_format_cab,     archive_read_support_format_cpio,
		archive_read_support_format_iso9660, archive_read_support_format_lha,
		archive_read_support_format_rar,     archive_read_support_format_rar5,
		archive_read_support_format_tar,     archive_read_support_format_warc,
		archive_read_support_format_xar,
	};

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		formats[i](la);
	/* As the tar reader of ours: zero blocks do not end an archive that goes on. */
	archive_read_set_option(la, "tar", "read_concatenated_archives", "1");
}

static int open_archive(struct foreign_reader *f)
{
	int r = support_filters(f->la);

	if (r < 0)
		return r;
	support_formats(f->la);
	archive_read_set_read_callback(f->la, on_read);
	archive_read_set_skip_callback(f->la, on_skip);
	archive_read_set_seek_callback(f->la, on_seek);
	archive_read_set_callback_data(f->la, f);
	f->dead = archive_read_open1(f->la) < ARCHIVE_WARN;
	return 0;
}

int foreign_reader_new(const struct foreign_source_config *c, struct foreign_reader **out)
{
	struct foreign_reader *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	f->path.max = f->link.max = f->hard_link.max = PATH_BYTES_MAX;
	f->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	f->la = archive_read_new();
	r = f->la ? foreign_source_new(c, &f->source) : -ENOMEM;
	if (r == 0)
		r = open_archive(f);
	if (r < 0)
		foreign_reader_free(f);
	else
		*out = f;
	return r;
}

struct foreign_reader *foreign_reader_free(struct foreign_reader *f)
{
	if (!f)
		return NULL;
	archive_read_free(f->la);
	foreign_source_free(f->source);
	if (f->locale)
		freelocale(f->locale);
	if (f->e.m.sparse)
		free(f->e.m.extents);
	xattrs_free(&f->xattrs);
	buf_free(&f->path);
	buf_free(&f->link);
	buf_free(&f->hard_link);
	free(f);
	return NULL;
}

/* ---- errors ---- */

static int base_format(const struct foreign_reader *f)
{
	return archive_format(f->la) & ARCHIVE_FORMAT_BASE_MASK;
}

/* libarchive gives up: because it could not read, the archive is cut off, or it is damaged. */
static int broken(struct foreign_reader *f)
{
	const char *text = archive_error_string(f->la);
	int r = foreign_source_error(f->source);

	f->open = false;
	if (r < 0)
		return r;
	snprintf(f->error, sizeof(f->error), "%s", text ? text : "is damaged");
	return foreign_source_position(f->source) >= foreign_source_size(f->source) ? -ENODATA
										    : -EBADMSG;
}

static int damaged(struct foreign_reader *f, const char *text)
{
	f->open = false;
	snprintf(f->error, sizeof(f->error), "%s", text ? text : "its data is damaged");
	return -EILSEQ;
}

/* ---- names ---- */

/* One code point as UTF-8; lone surrogates and the like too, bytes are all a name has to be. */
static size_t utf8(uint32_t c, char out[static 4])
{
	static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = n; i-- > 1; c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(lead[n] | c);
	return n;
}

static const char *from_wide(struct buf *b, const wchar_t *w)
{
	b->len = 0;
	for (; w && *w; w++) {
		char bytes[4];
		uint32_t c = (uint32_t)*w;

		if (c > 0x10ffff || buf_add(b, bytes, utf8(c, bytes)) < 0)
			return NULL;
	}
	return b->len > 0 ? b->p : NULL;
}

/* A name by the first of three ways that has it. */
#define NAME(f, field, from) \
	first_name(&(f)->field, archive_entry_##from(entry), archive_entry_##from##_utf8(entry), \
		   archive_entry_##from##_w(entry))

static const char *first_name(struct buf *b, const char *bytes, const char *utf8_name,
			      const wchar_t *wide)
{
	return bytes ? bytes : utf8_name ? utf8_name : from_wide(b, wide);
}

/* ---- entries ---- */

static int take_extents(struct foreign_reader *f, struct archive_entry *entry)
{
	struct member *m = &f->e.m;
	int n = archive_entry_sparse_reset(entry);
	la_int64_t off, len;

	if (n <= 0)
		return 0;
	if ((unsigned)n > EXTENTS_MAX)
		return damaged(f, "a sparse file of too many parts");
	m->extents = calloc((size_t)n, sizeof(*m->extents));
	if (!m->extents)
		return -ENOMEM;
	m->sparse = true;
	m->stored = 0;
	while (m->n_extents < (unsigned)n &&
	       archive_entry_sparse_next(entry, &off, &len) == ARCHIVE_OK) {
		m->extents[m->n_extents++] = (struct member_extent){ (uint64_t)off, (uint64_t)len };
		m->stored +=
			(uint64_t)len; /* ascending and inside the size: libarchive sees to it */
	}
	return 0;
}

static uint64_t no_less_than_0(int64_t v)
{
	return v > 0 ? (uint64_t)v : 0;
}

static void take_attributes(struct foreign_reader *f, struct archive_entry *entry)
{
	struct member *m = &f->e.m;
	uint32_t mode = archive_entry_mode(entry);

	m->mode = (mode & S_IFMT ? mode & S_IFMT : S_IFREG) | (mode & 07777);
	m->nlink = 1;
	m->uid = no_less_than_0(archive_entry_uid(entry));
	m->gid = no_less_than_0(archive_entry_gid(entry));
	m->mtime = archive_entry_mtime_is_set(entry) ? archive_entry_mtime(entry) : 0;
	m->mtime_ns =
		archive_entry_mtime_is_set(entry) ? (uint32_t)archive_entry_mtime_nsec(entry) : 0;
	m->dev_major = (uint32_t)archive_entry_rdevmajor(entry);
	m->dev_minor = (uint32_t)archive_entry_rdevminor(entry);
	m->layer = LAYER_STREAM;
	if (S_ISLNK(m->mode))
		m->link = (char *)(uintptr_t)NAME(f, link, symlink);
	f->e.path = NAME(f, path, pathname);
	f->e.hard_link = NAME(f, hard_link, hardlink);
	f->e.encrypted = archive_entry_is_data_encrypted(entry) == 1;
}

static int take_xattrs(struct foreign_reader *f, struct archive_entry *entry)
{
	const char *name;
	const void *value;
	size_t n;

	xattrs_free(&f->xattrs);
	archive_entry_xattr_reset(entry);
	while (archive_entry_xattr_next(entry, &name, &value, &n) == ARCHIVE_OK) {
		int r = name && xattrs_shown(name) ? xattrs_set(&f->xattrs, name, value, n) : 0;

		if (r < 0)
			return r;
	}
	if (f->xattrs.n > 0 || f->xattrs.lost)
		f->e.m.xattrs = &f->xattrs;
	return 0;
}

/* Size, and the place in the stream. */
static int take_size(struct foreign_reader *f, struct archive_entry *entry)
{
	struct foreign_entry *e = &f->e;
	bool data = S_ISREG(e->m.mode) || e->hard_link;
	int r;

	e->size_known = !data || e->hard_link || archive_entry_size_is_set(entry);
	if (data && archive_entry_size_is_set(entry))
		e->m.size = e->m.stored = no_less_than_0(archive_entry_size(entry));
	r = take_extents(f, entry);
	if (r < 0)
		return r;
	if (e->encrypted)
		e->m.stored = 0;
	e->room = e->m.stored;
	e->m.off = f->next;
	f->whole = (struct member_extent){ 0, e->size_known ? e->room : INT64_MAX };
	return f->next > INT64_MAX - e->room ? damaged(f, "sizes that cannot be") : 0;
}

static int take_entry(struct foreign_reader *f, struct archive_entry *entry)
{
	int r;

	if (f->e.m.sparse)
		free(f->e.m.extents);
	f->e = (struct foreign_entry){ 0 };
	f->n_in = 0;
	f->extent = 0;
	f->extent_base = f->given = 0;
	take_attributes(f, entry);
	r = take_xattrs(f, entry);
	if (r < 0)
		return r;
	r = take_size(f, entry);
	if (r < 0)
		return r == -EILSEQ ? -EBADMSG : r;
	f->next += f->e.room;
	f->open = true;
	return 0;
}

/* An entry of unknown size has to be read, so that what follows gets its place. */
static int pass_over(struct foreign_reader *f)
{
	const void *p;
	size_t n;
	int r = 1;

	while (r == 1 && f->open && !f->e.size_known)
		r = foreign_reader_data(f, &p, &n);
	f->open = false;
	return r < 0 && r != -EILSEQ ? r : 0;
}

int foreign_reader_next(struct foreign_reader *f, const struct foreign_entry **out)
{
	struct archive_entry *entry;
	int r = pass_over(f);

	if (r < 0 || f->dead)
		return r < 0 ? r : broken(f);
	UTF8_SCOPE(f);
	for (unsigned failed = 0; failed < FAILED_MAX; failed++) {
		int e = archive_read_next_header(f->la, &entry);

		if (foreign_source_error(f->source) < 0 || e == ARCHIVE_FATAL)
			return broken(f);
		if (e == ARCHIVE_EOF)
			return 0;
		if (e == ARCHIVE_OK || e == ARCHIVE_WARN) {
			r = take_entry(f, entry);
			*out = &f->e;
			return r < 0 ? r : 1;
		}
		f->skipped++;
	}
	return broken(f);
}

/* ---- data ---- */

/* The data has come to its end.  1 = a hole follows: zisofs stores nothing for blocks of zeros. */
static int end_of_data(struct foreign_reader *f)
{
	if (base_format(f) != ARCHIVE_FORMAT_ISO9660 || !f->e.size_known || f->given >= f->e.room)
		return 0;
	f->in_off = f->e.room;
	return 1;
}

/* 1 = there is a piece or a hole, 0 = no more, -errno. */
static int pull(struct foreign_reader *f)
{
	la_int64_t off;
	const void *p;

	for (unsigned empty = 0; empty < EMPTY_MAX; empty++) {
		size_t n = 0;
		int e = archive_read_data_block(f->la, &p, &n, &off);

		if (foreign_source_error(f->source) < 0 || e == ARCHIVE_FATAL)
			return broken(f);
		if (e == ARCHIVE_EOF)
			return end_of_data(f);
		if (e != ARCHIVE_OK || off < 0)
			return damaged(f, archive_error_string(f->la));
		if (n > 0) {
			f->in = p;
			f->n_in = n;
			f->in_off = (uint64_t)off;
			return 1;
		}
	}
	return damaged(f, NULL);
}

/* Zeros up to byte `to` of the room: libarchive has left out a block of them. */
static int give_hole(struct foreign_reader *f, uint64_t to, const void **p, size_t *n)
{
	static const char zeros[64 << 10];

	*p = zeros;
	*n = (size_t)MIN(sizeof(zeros), to - f->given);
	f->given += *n;
	return 1;
}

/* The part of libarchive's piece that lies in one extent, or the hole before it. */
static int give(struct foreign_reader *f, const void **p, size_t *n)
{
	const struct member *m = &f->e.m;
	const struct member_extent *ext = m->sparse ? m->extents : &f->whole;
	uint32_t n_ext = m->sparse ? m->n_extents : 1;
	uint64_t in;

	while (f->n_in > 0 && f->extent < n_ext &&
	       f->in_off >= ext[f->extent].off + ext[f->extent].len)
		f->extent_base += ext[f->extent++].len;
	if (f->extent == n_ext || f->in_off < ext[f->extent].off)
		return damaged(f, "its data is not of the size that was announced");
	in = f->in_off - ext[f->extent].off;
	if (f->extent_base + in > f->given)
		return give_hole(f, f->extent_base + in, p, n);
	if (f->extent_base + in < f->given)
		return damaged(f, "its data comes twice");
	*p = f->in;
	*n = (size_t)MIN(f->n_in, ext[f->extent].len - in);
	f->in += *n;
	f->n_in -= *n;
	f->in_off += *n;
	f->given += *n;
	return 1;
}

/* The size was not known: it has grown. */
static int grow(struct foreign_reader *f)
{
	uint64_t more = f->given - f->e.room;

	if (f->next > INT64_MAX - more)
		return damaged(f, "sizes that cannot be");
	f->next += more;
	f->e.room = f->e.m.size = f->e.m.stored = f->given;
	return 1;
}

int foreign_reader_data(struct foreign_reader *f, const void **p, size_t *n)
{
	int r;

	if (!f->open || f->e.encrypted)
		return 0;
	UTF8_SCOPE(f);
	if (f->n_in == 0) {
		r = pull(f);
		if (r == 0 && f->given != f->e.room)
			return damaged(f, "its data ends too early");
		if (r == 0)
			f->open = false;
		if (r <= 0)
			return r;
	}
	r = give(f, p, n);
	return r == 1 && !f->e.size_known ? grow(f) : r;
}

/* ---- what is known ---- */

bool foreign_reader_decodes(const struct foreign_reader *f)
{
	int format = base_format(f);

	return archive_filter_count(f->la) > 1 || format == ARCHIVE_FORMAT_7ZIP ||
	       format == ARCHIVE_FORMAT_CAB;
}

bool foreign_reader_recognised(const struct foreign_reader *f)
{
	/* EILSEQ is libarchive's "unrecognized"; a bad compressed stream has another number. */
	return archive_format(f->la) != 0 || (f->dead && archive_errno(f->la) != EILSEQ);
}

uint64_t foreign_reader_skipped(const struct foreign_reader *f)
{
	return f->skipped;
}

const char *foreign_reader_error(const struct foreign_reader *f)
{
	return f->error;
}

uint64_t foreign_reader_position(const struct foreign_reader *f)
{
	return foreign_source_position(f->source);
}

int foreign_reader_rest(struct foreign_reader *f)
{
	const void *p;
	int64_t n = foreign_source_read(f->source, &p);

	return n > 0 ? 1 : (int)n;
}
