/* SPDX-License-Identifier: MPL-2.0 */
/* foreign.c - every other kind of archive that libarchive reads: the pass.
 *
 * The members' data lies in the virtual stream of foreign_reader.h.  Where all of it is decoded in
 * any case (tar.xz, 7z) the pass leaves the blocks in the cache on its way; where data can be
 * passed over it only lists, and foreign_filler.c decodes what is wanted.
 * A pass that goes on from an earlier one walks again from the start, but adds and publishes
 * only what is new.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "archive/foreign/foreign_filler.h"
#include "archive/foreign/foreign_reader.h"
#include "archive/format.h"
#include "base/log.h"
#include "base/stats.h"
#include "source/suffix.h"

#define FEED_BYTES (32u << 20)	    /* of ranges under way, at most */
#define DAMAGE_LOGGED 20u	    /* of so many members the log names each */
#define CHECKPOINT_BYTES (1u << 20) /* decoded between two checkpoints */

struct foreign_pass {
	struct pass *p;
	struct foreign_reader *reader;
	uint64_t before;    /* entries that an earlier pass has added */
	uint64_t from;	    /* stream bytes before this were published by it */
	uint64_t entries;   /* seen in this walk */
	uint64_t unchecked; /* bytes decoded since the last checkpoint */
	uint64_t damaged;   /* members whose data is */
	bool encrypted;	    /* said so */
};

/* ---- match ---- */

#define MAGIC(at, bytes) \
	{ \
		(at), sizeof(bytes) - 1, (bytes) \
	}

static const struct magic {
	size_t at, len;
	const char *bytes;
} magics[] = {
	MAGIC(0, "\x1f\x8b"),	  /* gzip, of something that is no tar */
	MAGIC(0, "\xfd\67zXZ\0"), /* "\67": a 7 that is no part of the number before */
	MAGIC(0, "BZh"),
	MAGIC(0, "\x28\xb5\x2f\xfd"), /* zstd */
	MAGIC(1, "\x2a\x4d\x18"),     /* zstd and lz4: a skippable frame comes first */
	MAGIC(0, "\x04\x22\x4d\x18"), /* lz4 */
	MAGIC(0, "\x02\x21\x4c\x18"), /* lz4, legacy */
	MAGIC(0, "LZIP"),
	MAGIC(0, "\x1f\x9d"), /* compress */
	MAGIC(0, "7z\xbc\xaf\x27\x1c"),
	MAGIC(0, "Rar!\x1a\x07"),
	MAGIC(0, "070701"),
	MAGIC(0, "070702"),
	MAGIC(0, "070707"), /* cpio */
	MAGIC(0, "MSCF"),   /* cab */
	MAGIC(0, "!<arch>\n"),
	MAGIC(0, "xar!"),
	MAGIC(0, "WARC/"),
	MAGIC(2, "-lh"),
	MAGIC(2, "-lz"),	      /* lha */
	MAGIC(0, "\xed\xab\xee\xdb"), /* rpm */
};

static bool foreign_match(const unsigned char *head, size_t n, const char *filename)
{
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++) {
		const struct magic *m = &magics[i];

		if (m->at + m->len <= n && memcmp(head + m->at, m->bytes, m->len) == 0)
			return true;
	}
	/* iso tells itself too late, lzma and old cpio hardly: the name has to claim it. */
	return suffix_len(filename) > 0;
}

/* ---- members ---- */

static int add_link(struct foreign_pass *fp, const struct foreign_entry *e)
{
	int r = 0;

	if (e->room > 0)
		r = pass_late_data(fp->p, e->hard_link, &e->m);
	return r < 0 ? r : pass_hard_link(fp->p, e->path, e->hard_link);
}

/* libarchive decrypts zips alone (zipforeign.h). */
static int add_encrypted(struct foreign_pass *fp, const struct foreign_entry *e)
{
	struct member m = e->m;

	if (!fp->encrypted)
		log_info("%s: has encrypted members, they can be seen but not read",
			 fp->p->a->filename);
	fp->encrypted = true;
	m.layer = LAYER_NONE;
	m.off = MEMBER_ENCRYPTED;
	m.stored = m.size;
	return pass_member(fp->p, e->path, &m);
}

static int add(struct foreign_pass *fp, const struct foreign_entry *e)
{
	if (fp->entries++ < fp->before)
		return 0;
	if (!e->path) {
		(void)log_warn(0, "%s: member %" PRIu64 " has no name that can be shown, left out",
			       fp->p->a->filename, fp->entries);
		return 0;
	}
	if (e->hard_link)
		return add_link(fp, e);
	return e->encrypted ? add_encrypted(fp, e) : pass_member(fp->p, e->path, &e->m);
}

/* ---- data ---- */

/* Stream bytes from off on, of which an earlier pass may have published the front. */
static int output(struct foreign_pass *fp, uint64_t off, const char *bytes, size_t n)
{
	size_t skip = off < fp->from ? (size_t)MIN(fp->from - off, n) : 0;

	return pass_output(fp->p, bytes + skip, n - skip);
}

static int checkpoint(struct foreign_pass *fp)
{
	fp->unchecked = 0;
	pass_progress(fp->p, foreign_reader_position(fp->reader));
	return pass_checkpoint(fp->p);
}

/* What could be decoded of an entry is published as far as there are whole blocks; those that
 * the damage touches are not, and fail when somebody wants them. */
static void damaged(struct foreign_pass *fp, const struct foreign_entry *e)
{
	if (fp->damaged++ < DAMAGE_LOGGED)
		(void)log_warn(0, "%s: member %.200s: %s", fp->p->a->filename,
			       e->path ? e->path : "", foreign_reader_error(fp->reader));
}

/* Decode the entry.  Where that happens in any case it is published, else only its length
 * matters. */
static int decode(struct foreign_pass *fp, const struct foreign_entry *e)
{
	bool publish = foreign_reader_decodes(fp->reader);
	uint64_t off = e->m.off;
	const void *bytes;
	size_t n;
	int r;

	while ((r = foreign_reader_data(fp->reader, &bytes, &n)) == 1) {
		r = publish ? output(fp, off, bytes, n) : 0;
		off += n;
		fp->unchecked += n;
		stats_add(inflated_bytes, n);
		if (r == 0 && fp->unchecked >= CHECKPOINT_BYTES)
			r = checkpoint(fp);
		if (r < 0)
			return r;
	}
	if (r == -EILSEQ)
		damaged(fp, e);
	return r == -EILSEQ ? 0 : r;
}

static int take(struct foreign_pass *fp, const struct foreign_entry *e)
{
	int r = e->size_known ? add(fp, e) : 0;

	if (r == 0 && (!e->size_known || foreign_reader_decodes(fp->reader)))
		r = decode(fp, e);
	if (r == 0 && !e->size_known)
		r = add(fp, e);
	if (r == 0) /* nothing is left to skip of what was published */
		pass_output_skip(fp->p, e->m.off + e->room);
	return r < 0 ? r : checkpoint(fp);
}

/* ---- the pass ---- */

static void seen(void *arg, uint64_t off, const void *p, size_t n)
{
	pass_hash(arg, off, p, n);
}

/* All members have come.  Where the archive was decoded from front to back it was read as well, but
 * for what is behind its end. */
static int read_rest(struct foreign_pass *fp)
{
	int r;

	if (!foreign_reader_decodes(fp->reader))
		return 0;
	while ((r = foreign_reader_rest(fp->reader)) == 1) {
		r = checkpoint(fp);
		if (r < 0)
			return r;
	}
	if (r == 0)
		pass_verify(fp->p);
	return r;
}

static int save(struct pass *p, void *arg)
{
	struct foreign_pass *fp = arg;

	return index_set_number(p->a->index, "foreign_entries", MAX(fp->entries, fp->before));
}

static void foreign_pass_free(void *arg)
{
	struct foreign_pass *fp = arg;

	foreign_reader_free(fp->reader);
	free(fp);
}

static int begin(struct foreign_pass *fp, struct pass *p)
{
	const struct options *opt = p->a->c.st->opt;
	struct foreign_source_config c = {
		.raw = p->a->c.raw,
		.max_ranges = opt->connections,
		.max_bytes = MIN(FEED_BYTES, opt->memory / 4),
		.seen = seen,
		.seen_arg = p,
		.stop = &p->a->stop,
	};

	fp->p = p;
	fp->before = index_number(p->a->index, "foreign_entries", 0);
	fp->from = fp->before > 0 ? index_number(p->a->index, "position", 0) : 0;
	pass_output_at(p, fp->from);
	p->save = save;
	return foreign_reader_new(&c, &fp->reader);
}

/* What is wrong with an archive that could not be read to its end. */
static void explain(struct foreign_pass *fp, int r)
{
	if (!foreign_reader_recognised(fp->reader))
		pass_trouble(fp->p, "is no archive of a known kind");
	else
		pass_trouble(fp->p, "is %s after %" PRIu64 " members: %s",
			     r == -ENODATA ? "cut off" : "damaged", fp->entries,
			     foreign_reader_error(fp->reader));
}

static int foreign_pass(struct pass *p)
{
	struct foreign_pass *fp = calloc(1, sizeof(*fp));
	const struct foreign_entry *e;
	int r, end;

	if (!fp)
		return -ENOMEM;
	p->arg = fp;
	p->done = foreign_pass_free;
	r = begin(fp, p);
	while (r == 0 && (r = foreign_reader_next(fp->reader, &e)) == 1)
		r = take(fp, e);
	if (r == 0)
		r = read_rest(fp);
	if (r == -EBADMSG || r == -ENODATA)
		explain(fp, r);
	else if (r < 0)
		return r;
	else if (foreign_reader_skipped(fp->reader) + fp->damaged > 0)
		pass_trouble(
			p, "%" PRIu64 " damaged members cannot be read, %" PRIu64 " were left out",
			fp->damaged, foreign_reader_skipped(fp->reader));
	end = pass_output_end(p);
	return end < 0 ? end : r;
}

const struct format format_foreign = {
	.name = "libarchive",
	.match = foreign_match,
	.pass = foreign_pass,
	.fill = foreign_fill,
};
