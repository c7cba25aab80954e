/* SPDX-License-Identifier: MPL-2.0 */
/* zipstored.c - see zipstored.h. */
#include "archive/zip/zipstored.h"

#include <errno.h>
#include <string.h>

#include "archive/gzip/gzip_inflate.h"
#include "archive/zip/zip.h"
#include "archive/zip/zipmember.h"
#include "base/log.h"

#define SEEN_MAX 32u /* members under way at once; the one longest untouched gives way */
#define PLACES 64u
#define PIECES_MAX 24u /* of one member, apart from each other; what finds no room is forgotten */

/* Bytes of a member that were read, and their CRC-32. */
struct piece {
	uint64_t from, to;
	uint32_t crc;
};

struct seen {
	uint64_t id; /* 0: free */
	uint64_t touched;
	unsigned n;
	struct piece piece[PIECES_MAX]; /* ascending, none touches the next */
};

/* Where the data of a member begins, found out once.  Not only for speed: of a zip in a zip in a zip,
 * two reads for each one would be 2^n at the nth level. */
struct place {
	uint64_t id; /* 0: free */
	uint64_t data;
};

struct zipstored {
	pthread_mutex_t lock;	    /* guards what follows; a leaf */
	struct place place[PLACES]; /* by id */
	uint64_t clock;
	struct seen seen[SEEN_MAX];
};

/* ---- what was read of a large member ---- */

struct zipstored *zipstored_free(struct zipstored *z)
{
	if (z)
		pthread_mutex_destroy(&z->lock);
	free(z);
	return NULL;
}

static struct zipstored *get(struct archive *a)
{
	LOCK_SCOPE(&a->lock);
	if (!a->stored) {
		a->stored = calloc(1, sizeof(*a->stored));
		if (a->stored)
			pthread_mutex_init(&a->stored->lock, NULL);
	}
	return a->stored;
}

static struct seen *find_locked(struct zipstored *z, uint64_t id)
{
	struct seen *oldest = &z->seen[0];

	for (unsigned i = 0; i < SEEN_MAX; i++) {
		if (z->seen[i].id == id)
			return &z->seen[i];
		if (z->seen[i].touched < oldest->touched)
			oldest = &z->seen[i];
	}
	*oldest = (struct seen){ .id = id };
	return oldest;
}

static void remove_piece(struct seen *s, unsigned i)
{
	s->n--;
	memmove(&s->piece[i], &s->piece[i + 1], (s->n - i) * sizeof(s->piece[0]));
}

/* Append the next piece to piece i if it begins where that ends. */
static void join(struct seen *s, unsigned i)
{
	struct piece *p = &s->piece[i], *next = p + 1;

	if (i + 1 >= s->n || p->to != next->from)
		return;
	p->crc = gzip_crc_join(p->crc, next->crc, next->to - next->from);
	p->to = next->to;
	remove_piece(s, i + 1);
}

/* Add a piece; one that overlaps what is there says nothing new. */
static void add_piece(struct seen *s, struct piece new)
{
	unsigned i = 0;

	while (i < s->n && s->piece[i].to <= new.from)
		i++;
	if (s->n == PIECES_MAX || (i < s->n && s->piece[i].from < new.to))
		return;
	memmove(&s->piece[i + 1], &s->piece[i], (s->n - i) * sizeof(s->piece[0]));
	s->piece[i] = new;
	s->n++;
	join(s, i);
	if (i > 0)
		join(s, i - 1);
}

/* These bytes go to a reader.  True: with them all of the member has been read, *crc is its. */
static bool see(struct archive *a, const struct member *m, struct piece new, uint32_t *crc)
{
	struct zipstored *z = get(a);
	struct seen *s;

	if (!z)
		return false;
	LOCK_SCOPE(&z->lock);
	s = find_locked(z, m->id);
	s->touched = ++z->clock;
	add_piece(s, new);
	if (s->n != 1 || s->piece[0].from != 0 || s->piece[0].to != m->size)
		return false;
	*crc = s->piece[0].crc;
	*s = (struct seen){ 0 };
	return true;
}

/* ---- reading ---- */

static bool known_place(struct zipstored *z, uint64_t id, uint64_t *data)
{
	const struct place *p = &z->place[id % PLACES];

	LOCK_SCOPE(&z->lock);
	*data = p->data;
	return p->id == id;
}

static void remember_place(struct zipstored *z, uint64_t id, uint64_t data)
{
	LOCK_SCOPE(&z->lock);
	z->place[id % PLACES] = (struct place){ id, data };
}

/* File offset of the member's data.  0, PARKED, -errno. */
static int find_data(struct archive *a, const struct member *m, struct waiter *w, uint64_t *out)
{
	struct zipstored *z = get(a);
	unsigned char head[ZIP_LOCAL_HEADER];
	uint32_t skip;
	int64_t n;

	if (!z)
		return -ENOMEM;
	if (known_place(z, m->id, out))
		return 0;
	n = reader_pread(a->c.raw, head, sizeof(head), m->off, w);
	if (n < 0)
		return (int)n;
	if (n != ZIP_LOCAL_HEADER || zip_local_size(head, &skip) < 0)
		return zipmember_refused(a, m, -EIO, "there is no local header where it should be");
	*out = m->off + skip;
	remember_place(z, m->id, *out);
	return 0;
}

static int64_t read_at(struct archive *a, const struct member *m, void *buf, size_t len,
		       uint64_t at, struct waiter *w)
{
	int64_t n = reader_pread(a->c.raw, buf, len, at, w);

	if (n >= 0 && (size_t)n != len)
		return zipmember_refused(a, m, -EIO, "the file ends inside its data");
	return n;
}

/* The whole member has this CRC-32: remember what that means. */
static int judge(struct archive *a, const struct member *m, uint32_t crc)
{
	int r = zipmember_check(a, m, crc);

	if (r == 0)
		verdict_good(&a->verdict, m->id, index_members(a->index));
	else
		verdict_bad(&a->verdict, m->id, r);
	return r;
}

static int64_t read_whole(struct archive *a, const struct member *m, void *buf, size_t len,
			  uint64_t off, uint64_t data, struct waiter *w)
{
	AUTO(auto_free) unsigned char *all = len < m->size ? malloc((size_t)m->size) : NULL;
	unsigned char *to = len < m->size ? all : buf;
	int64_t n;
	int r;

	if (!to)
		return -ENOMEM;
	n = read_at(a, m, to, (size_t)m->size, data, w);
	if (n < 0)
		return n;
	r = judge(a, m, gzip_crc(0, to, (size_t)m->size));
	if (r < 0)
		return r;
	if (all)
		memcpy(buf, all + off, len);
	return (int64_t)len;
}

static int64_t read_part(struct archive *a, const struct member *m, void *buf, size_t len,
			 uint64_t off, uint64_t data, struct waiter *w)
{
	int64_t n = read_at(a, m, buf, len, data + off, w);
	uint32_t crc;
	int r = 0;

	if (n >= 0 && see(a, m, (struct piece){ off, off + len, gzip_crc(0, buf, len) }, &crc))
		r = judge(a, m, crc);
	return r < 0 ? r : n;
}

int64_t zipstored_pread(struct archive *a, const struct member *m, void *buf, size_t len,
			uint64_t off, struct waiter *w)
{
	int known = verdict_of(&a->verdict, m->id);
	uint64_t data = 0;
	int r = known < 0 ? known : find_data(a, m, w, &data);

	if (r < 0)
		return r;
	if (!buf)
		return reader_pread(a->c.raw, NULL, len, data + off, w);
	if (known == 1 || !m->has_crc)
		return read_at(a, m, buf, len, data + off, w);
	if (m->size <= ZIPSTORED_WHOLE)
		return read_whole(a, m, buf, len, off, data, w);
	return read_part(a, m, buf, len, off, data, w);
}
