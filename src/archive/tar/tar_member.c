/* SPDX-License-Identifier: MPL-2.0 */
/* tar_member.c - see tar_member.h. */
#include "archive/tar/tar_member.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

void tar_member_init(struct tar_member *m, const struct tar_pax *global)
{
	*m = (struct tar_member){ .global = global };
	for (size_t i = 0; i < ARRAY_SIZE(m->name); i++)
		m->name[i].max = TAR_MEMBER_NAME_MAX;
}

void tar_member_forget(struct tar_member *m)
{
	m->has_local = m->sparse = m->map_bad = false;
	m->has_name[TAR_MEMBER_PATH] = m->has_name[TAR_MEMBER_LINK] = false;
	m->text = (struct tar_sparse_text){ 0 };
	tar_pax_free(&m->local);
}

void tar_member_free(struct tar_member *m)
{
	tar_pax_free(&m->local);
	buf_free(&m->name[TAR_MEMBER_PATH]);
	buf_free(&m->name[TAR_MEMBER_LINK]);
}

int tar_member_local(struct tar_member *m)
{
	if (!m->has_local && tar_pax_copy(&m->local, m->global) < 0)
		return -ENOMEM;
	m->has_local = true;
	return 0;
}

/* The records that count. */
static const struct tar_pax *records(const struct tar_member *m)
{
	return m->has_local ? &m->local : m->global;
}

static const char *path_of(const struct tar_member *m)
{
	const struct tar_pax *x = records(m);

	if (x->has & TAR_PAX_SPARSE_NAME)
		return x->sparse_name;
	if (x->has & TAR_PAX_PATH)
		return x->path;
	return m->has_name[TAR_MEMBER_PATH] ? m->name[TAR_MEMBER_PATH].p : m->h.path;
}

static const char *link_of(const struct tar_member *m)
{
	const struct tar_pax *x = records(m);

	if (m->h.type != '1' && m->h.type != '2')
		return NULL;
	if (x->has & TAR_PAX_LINK)
		return x->link;
	return m->has_name[TAR_MEMBER_LINK] ? m->name[TAR_MEMBER_LINK].p : m->h.link;
}

/* S_IFMT bits.  A type that nobody knows is a regular file, says POSIX. */
static uint32_t kind_of(const struct tar_member *m)
{
	const char *path = path_of(m);
	size_t n = strlen(path);

	switch (m->h.type) {
	case '2':
		return S_IFLNK;
	case '3':
		return S_IFCHR;
	case '4':
		return S_IFBLK;
	case '5':
	case 'D': /* of an incremental dump: its data are the names it had */
		return S_IFDIR;
	case '6':
		return S_IFIFO;
	case '\0':
	case '0':
	case '7': /* v7 had no type for directories */
		return n > 0 && path[n - 1] == '/' ? S_IFDIR : S_IFREG;
	default:
		return S_IFREG;
	}
}

/* A hard link's size counts when the dialect or a record says so, see tar_member_header(). */
static uint64_t size_of(const struct tar_member *m)
{
	const struct tar_pax *x = records(m);
	bool old = m->h.magic == TAR_V7 || m->h.magic == TAR_GNU;

	if (m->h.type >= '2' && m->h.type <= '6')
		return 0; /* no data, whatever the header says */
	if (x->has & TAR_PAX_SIZE)
		return x->size;
	if (m->h.type == '1' && old)
		return 0;
	return m->h.size_ok ? m->h.size : UINT64_MAX;
}

/* A damaged map is read on for its length only. */
static int add_entries(struct tar_member *m, const unsigned char *p, unsigned n)
{
	int r = m->map_bad ? 0 : tar_sparse_entries(&m->local.map, p, n);

	if (r == -ENOMEM)
		return r;
	m->map_bad = m->map_bad || r < 0;
	return 0;
}

static int more_entries(unsigned char flag)
{
	return flag == '\0' || flag == '0' ? TAR_NEXT_REPORT : TAR_NEXT_EXTENSION;
}

/* An 'S' header: the map, a flag for more of it, the size with holes. */
static int old_sparse(struct tar_member *m, const unsigned char *block)
{
	static const struct {
		int map, more, size;
	} gnu = { 386, 482, 483 };
	static const struct {
		int map, more, size;
	} star = { 356, 355, 452 };
	bool is_star = m->h.magic == TAR_STAR;
	int64_t size;
	int r;

	m->sparse = true;
	tar_sparse_clear(&m->local.map);
	if (!tar_header_number(block + (is_star ? star.size : gnu.size), 12, &size) || size < 0) {
		m->map_bad = true;
		size = 0;
	}
	m->sparse_size = (uint64_t)size;
	r = add_entries(m, block + (is_star ? star.map : gnu.map), 4);
	return r < 0 ? r : more_entries(block[is_star ? star.more : gnu.more]);
}

int tar_member_extension(struct tar_member *m, const unsigned char *block)
{
	int r = add_entries(m, block, 21);

	return r < 0 ? r : more_entries(block[504]);
}

static int pax_sparse(struct tar_member *m)
{
	const struct tar_pax *x = &m->local;

	m->sparse_size = x->has & TAR_PAX_SPARSE_SIZE ? x->sparse_size : x->map.end;
	m->map_bad = x->has & TAR_PAX_SPARSE_BAD;
	if (!(x->has & TAR_PAX_SPARSE_DATA)) {
		/* A size alone, with data: there is no map to read it by. */
		m->sparse = m->map_bad || x->has & TAR_PAX_SPARSE_MAP || m->size == 0;
		return TAR_NEXT_REPORT;
	}
	m->sparse = true;
	if (m->size == 0 || m->map_bad)
		return TAR_NEXT_DROP;
	tar_sparse_clear(&m->local.map);
	return TAR_NEXT_MAP;
}

int tar_member_map(struct tar_member *m, const unsigned char *block)
{
	size_t n = MIN(m->size, (uint64_t)TAR_BLOCK);
	int r = tar_sparse_text(&m->text, &m->local.map, block, n);

	m->size -= n;
	if (r == -ENOMEM)
		return r;
	if (r == 1)
		return TAR_NEXT_REPORT;
	return r < 0 || m->size == 0 ? TAR_NEXT_DROP : TAR_NEXT_MAP;
}

/* Hard links with a size: by POSIX.1-1988 they have no data and the size means nothing, and all
 * v7 and GNU archives are like that; by POSIX.1-2001 the size is that of data which follow.  Both
 * sorts of "ustar" header look alike, so the block behind the header decides.  The same is true
 * of directories that only their name tells from files. */
int tar_member_header(struct tar_member *m, const unsigned char *block)
{
	const unsigned any =
		TAR_PAX_SPARSE_SIZE | TAR_PAX_SPARSE_MAP | TAR_PAX_SPARSE_DATA | TAR_PAX_SPARSE_BAD;
	bool link = m->h.type == '1';

	m->kind = kind_of(m);
	m->size = size_of(m);
	if (m->size > INT64_MAX)
		return TAR_NEXT_DROP;
	if (m->size > 0 && (link || (S_ISDIR(m->kind) && m->h.type != 'D')))
		return TAR_NEXT_PEEK;
	if (m->h.type == 'S')
		return old_sparse(m, block);
	if (S_ISREG(m->kind) && !link && records(m)->has & any)
		return pax_sparse(m);
	return TAR_NEXT_REPORT;
}

/* A header is no data.  Neither is a zero block, the end of the archive; but where
 * pax headers are in use the sizes of links can be trusted. */
bool tar_member_bare(const unsigned char *block, bool pax)
{
	enum tar_block is = tar_header_check(block);

	return is == TAR_BLOCK_HEADER || (is == TAR_BLOCK_ZERO && !pax);
}

bool tar_member_sound(const struct tar_member *m)
{
	return !m->sparse ||
	       (!m->map_bad && tar_sparse_fits(&m->local.map, m->sparse_size, m->size));
}

static void describe_data(const struct tar_member *m, struct tar_entry *out)
{
	static const struct tar_extent none;

	out->size = m->sparse ? m->sparse_size : m->size;
	out->stored = m->size;
	if (!m->sparse)
		return;
	out->extents = m->local.map.at ? m->local.map.at : &none;
	out->n_extents = m->local.map.n;
}

void tar_member_describe(const struct tar_member *m, struct tar_entry *out)
{
	const struct tar_pax *x = records(m);
	bool device = S_ISCHR(m->kind) || S_ISBLK(m->kind);

	*out = (struct tar_entry){
		.path = path_of(m),
		.link = link_of(m),
		.hard_link = m->h.type == '1',
		.mode = m->kind | m->h.mode,
		.uid = x->has & TAR_PAX_UID ? x->uid : m->h.uid,
		.gid = x->has & TAR_PAX_GID ? x->gid : m->h.gid,
		.dev_major = device ? m->h.dev_major : 0,
		.dev_minor = device ? m->h.dev_minor : 0,
		.mtime = x->has & TAR_PAX_MTIME ? x->mtime : m->h.mtime,
		.mtime_ns = x->has & TAR_PAX_MTIME ? x->mtime_ns : 0,
	};
	if (m->has_local && (m->local.xattrs.n > 0 || m->local.xattrs.lost))
		out->xattrs = &m->local.xattrs;
	if (S_ISREG(m->kind))
		describe_data(m, out);
}
