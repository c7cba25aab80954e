/* SPDX-License-Identifier: MPL-2.0 */
/* zip_locate.c - the half of zip.h that finds the central directory.  Section numbers are those of
 * PKWARE's APPNOTE.
 *
 * Finding the end record.  A comment may contain anything, end records too, and junk may precede or
 * follow the archive.  Of all signatures in the tail this one is taken, always the last of a kind:
 * a record whose comment ends with the file and whose directory needs no shift; else one whose
 * comment ends with the file; else one followed by junk that needs no shift.  A shifted
 * archive followed by junk is refused, because it may as well be a small zip that is stored
 * inside a truncated larger one.
 */
#include <errno.h>
#include <string.h>

#include "archive/zip/zip.h"
#include "archive/zip/zip_extra.h"

#define SIG_CENTRAL 0x02014b50u	  /* 4.3.12 */
#define SIG_SIGNATURE 0x05054b50u /* 4.3.13 */
#define SIG_END64 0x06064b50u	  /* 4.3.14 */
#define SIG_LOCATOR 0x07064b50u	  /* 4.3.15 */
#define SIG_END 0x06054b50u	  /* 4.3.16 */

#define CENTRAL_SIZE 46u
#define END64_SIZE 56u
#define LOCATOR_SIZE 20u
#define END_SIZE 22u
#define BEFORE_TAIL 4096u /* zip64's records, should the comment fill the tail */
#define VERSION_CD_ENCRYPTED 62u

/* The file's last bytes: first the part that was fetched later, then the tail. */
struct view {
	const unsigned char *front, *tail;
	size_t n_front, n_tail;
	uint64_t size; /* of the file */
};

static uint64_t view_from(const struct view *v)
{
	return v->size - v->n_tail - v->n_front;
}

/* Copy len bytes at file offset at; false when they are not all there. */
static bool view_get(const struct view *v, uint64_t at, unsigned char *out, size_t len)
{
	uint64_t pos;
	size_t n = 0;

	if (at < view_from(v) || at > v->size || len > v->size - at)
		return false;
	pos = at - view_from(v);
	if (pos < v->n_front) {
		n = MIN(len, v->n_front - (size_t)pos);
		memcpy(out, v->front + pos, n);
		pos += n;
	}
	if (n < len)
		memcpy(out + n, v->tail + (pos - v->n_front), len - n);
	return true;
}

/* May the caller still bring the bytes before the tail? */
static bool view_may_grow(const struct view *v)
{
	return v->n_front == 0 && view_from(v) > 0;
}

struct end {
	uint64_t disk, cd_disk, here, entries, cd_size, cd_off;
	uint64_t limit; /* file offset where the directory ends */
};

static int refuse(const char **why, const char *text)
{
	*why = text;
	return -EBADMSG;
}

/* Take zip64's value v into the 16 or 32 bits wide field: that one is either saturated or the
 * low bits of the same number. */
static bool widen(uint64_t *field, uint64_t v, uint64_t mask)
{
	bool ok = *field == mask || *field == (v & mask);

	*field = v;
	return ok;
}

static int merge_end64(const unsigned char *p, uint64_t at, struct end *e, const char **why)
{
	bool ok = widen(&e->disk, zip_le32(p + 16), UINT16_MAX);

	ok &= widen(&e->cd_disk, zip_le32(p + 20), UINT16_MAX);
	ok &= widen(&e->here, zip_le64(p + 24), UINT16_MAX);
	ok &= widen(&e->entries, zip_le64(p + 32), UINT16_MAX);
	ok &= widen(&e->cd_size, zip_le64(p + 40), UINT32_MAX);
	ok &= widen(&e->cd_off, zip_le64(p + 48), UINT32_MAX);
	if (zip_le16(p + 14) >= VERSION_CD_ENCRYPTED)
		return refuse(why, "its central directory is encrypted");
	if (!ok)
		return refuse(why, "its two end records contradict each other");
	e->limit = at;
	return 0;
}

/* The zip64 record lies before its locator, or (when longer than usual) where that says. */
static bool find_end64(const struct view *v, uint64_t locator, uint64_t says, unsigned char *out,
		       uint64_t *at)
{
	*at = locator - END64_SIZE;
	if (view_get(v, *at, out, END64_SIZE) && zip_le32(out) == SIG_END64)
		return true;
	if (says > *at)
		return false;
	*at = says;
	return view_get(v, says, out, END64_SIZE) && zip_le32(out) == SIG_END64;
}

/* 0: e is complete, by zip64's record when there is one; -EAGAIN: bytes before the tail are
 * needed. */
static int read_end64(const struct view *v, uint64_t end, struct end *e, const char **why)
{
	unsigned char locator[LOCATOR_SIZE], record[END64_SIZE];
	bool must = e->entries == UINT16_MAX || e->cd_size == UINT32_MAX || e->cd_off == UINT32_MAX;
	uint64_t at;

	if (end < END64_SIZE + LOCATOR_SIZE)
		return 0;
	if (!view_get(v, end - LOCATOR_SIZE, locator, sizeof(locator)))
		return view_may_grow(v) ? -EAGAIN : 0;
	if (zip_le32(locator) != SIG_LOCATOR)
		return 0;
	if (find_end64(v, end - LOCATOR_SIZE, zip_le64(locator + 8), record, &at)) {
		if (zip_le32(locator + 4) != 0 || zip_le32(locator + 16) > 1)
			return refuse(why, "it is one volume of several");
		return merge_end64(record, at, e, why);
	}
	if (view_may_grow(v))
		return -EAGAIN;
	return must ? refuse(why, "its zip64 end record is missing") : 0;
}

static int check_end(const struct view *v, const struct end *e, struct zip_directory *out,
		     const char **why)
{
	unsigned char sig[4];
	uint64_t used;

	if (e->disk != 0 || e->cd_disk != 0 || e->here != e->entries)
		return refuse(why, "it is one volume of several");
	if (__builtin_add_overflow(e->cd_size, e->cd_off, &used) || used > e->limit)
		return refuse(why, "its central directory does not fit into the file");
	if (e->entries > e->cd_size / CENTRAL_SIZE)
		return refuse(why, "its central directory is too small for its members");
	*out = (struct zip_directory){
		.at = { e->limit - e->cd_size, e->limit },
		.entries = e->entries,
		.shift = e->limit - used,
	};
	if (e->cd_size >= sizeof(sig) && view_get(v, out->at.from, sig, sizeof(sig)) &&
	    zip_le32(sig) != SIG_CENTRAL && zip_le32(sig) != SIG_SIGNATURE)
		return refuse(why, "there is no central directory where it should be");
	return 0;
}

/* Which end records a search accepts. */
struct rule {
	bool exact;   /* the comment ends with the file */
	bool shifted; /* there may be a prefix */
};

static int try_end(const struct view *v, uint64_t at, struct rule rule, struct zip_directory *out,
		   const char **why)
{
	const unsigned char *p = v->tail + (at - (v->size - v->n_tail));
	struct end e = {
		.disk = zip_le16(p + 4),
		.cd_disk = zip_le16(p + 6),
		.here = zip_le16(p + 8),
		.entries = zip_le16(p + 10),
		.cd_size = zip_le32(p + 12),
		.cd_off = zip_le32(p + 16),
		.limit = at,
	};
	bool exact = at + END_SIZE + zip_le16(p + 20) == v->size;
	struct zip_directory d;
	int r;

	if (exact != rule.exact)
		return refuse(why, "bytes follow its end record");
	r = read_end64(v, at, &e, why);
	if (r == 0)
		r = check_end(v, &e, &d, why);
	if (r < 0)
		return r;
	if (d.shift > 0 && !rule.shifted)
		return refuse(why, "bytes precede and follow it: is it truncated?");
	*out = d;
	return 0;
}

/* *why is the complaint about the last record in the file that follows the rule. */
static int search(const struct view *v, struct rule rule, struct zip_directory *out,
		  const char **why)
{
	uint64_t first = v->size - MIN(v->n_tail, ZIP_TAIL);
	const char *complaint;
	int r;

	for (uint64_t at = v->size - END_SIZE + 1; at-- > first;) {
		if (zip_le32(v->tail + (at - (v->size - v->n_tail))) != SIG_END)
			continue;
		r = try_end(v, at, rule, out, &complaint);
		if (r != -EBADMSG)
			return r;
		if (!*why)
			*why = complaint;
	}
	return -EBADMSG;
}

int zip_locate(const void *tail, size_t n, uint64_t size, const void *tail64, size_t n64,
	       struct zip_directory *out, struct range *need, const char **why)
{
	static const struct rule rules[] = { { true, false }, { true, true }, { false, false } };
	struct view v = { tail64, tail, tail64 ? n64 : 0, n, size };
	const char *complaint = NULL;
	int r = -EBADMSG;

	if (n > size || v.n_front > size - n)
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(rules) && r == -EBADMSG && n >= END_SIZE; i++)
		r = search(&v, rules[i], out, &complaint);
	if (r == -EBADMSG)
		*why = complaint ? complaint : "it has no end record: no zip, or a truncated one";
	if (r == -EAGAIN)
		*need = (struct range){ size - n - MIN(size - n, BEFORE_TAIL), size - n };
	return r;
}
