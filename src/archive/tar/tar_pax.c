/* SPDX-License-Identifier: MPL-2.0 */
/* tar_pax.c - see tar_pax.h. */
#include "archive/tar/tar_pax.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* The part of a decimal number that is all digits; *text goes behind it.  False: none, or > max. */
static bool take_number(const char **text, uint64_t max, uint64_t *out)
{
	const char *p = *text;
	uint64_t v = 0;

	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *p - '0', &v))
			return false;
	if (p == *text || v > max)
		return false;
	*text = p;
	*out = v;
	return true;
}

static bool whole_number(const char *text, uint64_t *out)
{
	return take_number(&text, INT64_MAX, out) && *text == '\0';
}

static int set_text(char **to, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*to);
	*to = copy;
	return 0;
}

static int set_path(struct tar_pax *p, const char *value)
{
	return set_text(&p->path, value);
}

static int set_link(struct tar_pax *p, const char *value)
{
	return set_text(&p->link, value);
}

static int set_sparse_name(struct tar_pax *p, const char *value)
{
	return set_text(&p->sparse_name, value);
}

/* A size that cannot be read still is one: the header's own would be wrong. */
static int set_size(struct tar_pax *p, const char *value)
{
	if (!whole_number(value, &p->size))
		p->size = UINT64_MAX;
	return 0;
}

static int set_id(uint64_t *to, const char *value)
{
	bool negative = *value == '-'; /* "nobody" of some systems */
	uint64_t v;

	if (!whole_number(value + negative, &v) || (negative && v > (uint64_t)INT32_MAX + 1))
		return -EBADMSG;
	*to = negative ? (uint32_t)-v : v;
	return 0;
}

static int set_uid(struct tar_pax *p, const char *value)
{
	return set_id(&p->uid, value);
}

static int set_gid(struct tar_pax *p, const char *value)
{
	return set_id(&p->gid, value);
}

/* ".123456789" and more digits than count. */
static bool take_fraction(const char **text, uint32_t *ns)
{
	const char *p = *text;
	uint32_t unit = 100000000;

	*ns = 0;
	if (*p == '.')
		for (p++; *p >= '0' && *p <= '9'; p++, unit /= 10)
			*ns += unit * (uint32_t)(*p - '0');
	*text = p;
	return *p == '\0';
}

static int set_mtime(struct tar_pax *p, const char *value)
{
	bool negative = *value == '-';
	uint64_t s;
	uint32_t ns;

	value += negative;
	if (!take_number(&value, INT64_MAX - 1, &s) || !take_fraction(&value, &ns))
		return -EBADMSG;
	p->mtime = negative ? -(int64_t)s - (ns > 0) : (int64_t)s;
	p->mtime_ns = negative && ns > 0 ? 1000000000 - ns : ns;
	return 0;
}

static int set_sparse_size(struct tar_pax *p, const char *value)
{
	return whole_number(value, &p->sparse_size) ? 0 : -EBADMSG;
}

static int set_sparse_major(struct tar_pax *p, const char *value)
{
	if (strcmp(value, "1") == 0)
		p->has |= TAR_PAX_SPARSE_DATA;
	return strcmp(value, "0") == 0 || strcmp(value, "1") == 0 ? 0 : -EBADMSG;
}

static int set_sparse_count(struct tar_pax *p, const char *value)
{
	uint64_t n;

	(void)p; /* the map says itself how long it is */
	return whole_number(value, &n) && n <= TAR_SPARSE_MAX ? 0 : -EBADMSG;
}

static int set_sparse_map(struct tar_pax *p, const char *value)
{
	tar_sparse_clear(&p->map);
	return tar_sparse_list(&p->map, value);
}

static int set_sparse_off(struct tar_pax *p, const char *value)
{
	return whole_number(value, &p->map_off) ? 0 : -EBADMSG;
}

static int set_sparse_len(struct tar_pax *p, const char *value)
{
	uint64_t len;

	return whole_number(value, &len) ? tar_sparse_add(&p->map, p->map_off, len) : -EBADMSG;
}

struct tar_pax_key {
	const char *name;
	unsigned bit;
	/* 0, -ENOMEM, or -EBADMSG: no such value. */
	int (*set)(struct tar_pax *p, const char *value);
};

static const struct tar_pax_key keys[] = {
	{ "path", TAR_PAX_PATH, set_path },
	{ "linkpath", TAR_PAX_LINK, set_link },
	{ "size", TAR_PAX_SIZE, set_size },
	{ "uid", TAR_PAX_UID, set_uid },
	{ "gid", TAR_PAX_GID, set_gid },
	{ "mtime", TAR_PAX_MTIME, set_mtime },
	{ "GNU.sparse.name", TAR_PAX_SPARSE_NAME, set_sparse_name },
	{ "GNU.sparse.size", TAR_PAX_SPARSE_SIZE, set_sparse_size },
	{ "GNU.sparse.realsize", TAR_PAX_SPARSE_SIZE, set_sparse_size },
	{ "GNU.sparse.major", 0, set_sparse_major },
	{ "GNU.sparse.numblocks", TAR_PAX_SPARSE_MAP, set_sparse_count },
	{ "GNU.sparse.map", TAR_PAX_SPARSE_MAP, set_sparse_map },
	{ "GNU.sparse.offset", TAR_PAX_SPARSE_MAP, set_sparse_off },
	{ "GNU.sparse.numbytes", TAR_PAX_SPARSE_MAP, set_sparse_len },
};

static bool is_sparse(const struct tar_pax_key *k)
{
	return strncmp(k->name, "GNU.sparse.", 11) == 0;
}

static const struct tar_pax_key *find_key(const char *name, bool global)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strcmp(keys[i].name, name) == 0)
			return global && is_sparse(&keys[i]) ? NULL : &keys[i];
	return NULL;
}

/* Whose record this is: want or form tell, or nobody wants it. */
static void know_key(struct tar_pax_reader *r, struct tar_pax *p)
{
	bool whole = r->n_key < sizeof(r->key);

	r->key[MIN(r->n_key, sizeof(r->key) - 1)] = '\0';
	r->want = whole ? find_key(r->key, r->global) : NULL;
	r->form = TAR_XATTR_NONE;
	if (r->global || r->want)
		return;
	if (whole)
		r->form = tar_xattr_key(r->key, r->xattr);
	else if (tar_xattr_prefix(r->key))
		r->form = TAR_XATTR_BAD;
	if (r->form != TAR_XATTR_BAD)
		return;
	p->xattrs.lost = true;
	r->form = TAR_XATTR_NONE;
}

static bool wanted(const struct tar_pax_reader *r)
{
	return r->want || r->form != TAR_XATTR_NONE;
}

static int apply_xattr(struct tar_pax_reader *r, struct tar_pax *p)
{
	if (tar_xattr_value(r->form, &r->value) == 0)
		return xattrs_set(&p->xattrs, r->xattr, r->value.p, r->value.len);
	p->xattrs.lost = true;
	return 0;
}

/* A whole wanted record has been read. */
static int apply(struct tar_pax_reader *r, struct tar_pax *p)
{
	const struct tar_pax_key *k = r->want;
	const char *value = r->value.p ? r->value.p : "";
	int e;

	if (!k)
		return apply_xattr(r, p);
	if (*value == '\0' && !is_sparse(k)) {
		p->has &= ~k->bit; /* an empty value takes a global one back */
		return 0;
	}
	e = k->set(p, value);
	if (e == 0) {
		p->has |= k->bit;
	} else if (e == -EBADMSG) {
		r->bad = true;
		if (is_sparse(k))
			p->has |= TAR_PAX_SPARSE_BAD;
	}
	return e == -ENOMEM ? e : 0;
}

static void stop(struct tar_pax_reader *r)
{
	r->bad = true;
	r->step = TAR_PAX_STOP;
}

static void on_length(struct tar_pax_reader *r, char c)
{
	if (c >= '0' && c <= '9' && r->digits < 18) {
		r->left = r->left * 10 + (uint64_t)(c - '0');
		r->digits++;
	} else if (c == '\0' && r->digits == 0) {
		r->step = TAR_PAX_STOP; /* some programs pad the body with NULs */
	} else if (c == ' ' && r->digits > 0 && r->left >= r->digits + 3) {
		r->left -= r->digits + 1;
		r->n_key = 0;
		r->step = TAR_PAX_KEY;
	} else {
		stop(r);
	}
}

static void on_key(struct tar_pax_reader *r, struct tar_pax *p, char c)
{
	if (--r->left == 0) {
		stop(r); /* no '=' in this record */
	} else if (c != '=') {
		if (r->n_key < sizeof(r->key)) /* a key that long is none we know */
			r->key[r->n_key++] = c;
	} else {
		know_key(r, p);
		r->value.len = 0;
		if (r->value.p)
			r->value.p[0] = '\0';
		r->step = TAR_PAX_VALUE_BYTES;
	}
}

static void too_long(struct tar_pax_reader *r, struct tar_pax *p)
{
	if (r->want)
		r->bad = true;
	else
		p->xattrs.lost = true;
	r->want = NULL;
	r->form = TAR_XATTR_NONE;
}

/* Take some of n bytes of a value, or the newline behind it.  The number taken, or -ENOMEM. */
static ssize_t on_value(struct tar_pax_reader *r, struct tar_pax *p, const char *c, size_t n)
{
	int e = 0;

	if (r->left > 1) {
		n = MIN(n, r->left - 1);
		r->left -= n;
		if (wanted(r))
			e = buf_add(&r->value, c, n);
		if (e == -EMSGSIZE)
			too_long(r, p);
		return e == -ENOMEM ? e : (ssize_t)n;
	}
	if (*c != '\n') {
		stop(r);
		return 1;
	}
	if (wanted(r))
		e = apply(r, p);
	r->step = TAR_PAX_LENGTH;
	r->left = r->digits = 0;
	return e < 0 ? e : 1;
}

void tar_pax_start(struct tar_pax_reader *r, bool global)
{
	r->step = TAR_PAX_LENGTH;
	r->global = global;
	r->bad = false;
	r->left = r->digits = 0;
	r->value.max = TAR_PAX_VALUE;
}

int tar_pax_feed(struct tar_pax_reader *r, struct tar_pax *p, const void *bytes, size_t n)
{
	const char *c = bytes;

	while (n > 0 && r->step != TAR_PAX_STOP) {
		ssize_t k = 1;

		if (r->step == TAR_PAX_LENGTH)
			on_length(r, *c);
		else if (r->step == TAR_PAX_KEY)
			on_key(r, p, *c);
		else
			k = on_value(r, p, c, n);
		if (k < 0)
			return (int)k;
		c += k;
		n -= (size_t)k;
	}
	return 0;
}

int tar_pax_end(const struct tar_pax_reader *r)
{
	bool between = r->step == TAR_PAX_LENGTH && r->digits == 0;

	return r->bad || (r->step != TAR_PAX_STOP && !between) ? -EBADMSG : 0;
}

void tar_pax_reader_free(struct tar_pax_reader *r)
{
	buf_free(&r->value);
}

void tar_pax_free(struct tar_pax *p)
{
	free(p->path);
	free(p->link);
	free(p->sparse_name);
	tar_sparse_free(&p->map);
	xattrs_free(&p->xattrs);
	*p = (struct tar_pax){ 0 };
}

int tar_pax_copy(struct tar_pax *to, const struct tar_pax *from)
{
	if (from->has & TAR_PAX_PATH && set_path(to, from->path) < 0)
		return -ENOMEM;
	if (from->has & TAR_PAX_LINK && set_link(to, from->link) < 0)
		return -ENOMEM;
	to->has = from->has;
	to->size = from->size;
	to->uid = from->uid;
	to->gid = from->gid;
	to->mtime = from->mtime;
	to->mtime_ns = from->mtime_ns;
	return 0;
}

/* "LEN KEY=VALUE\n", where LEN counts its own digits too. */
static int write_record(struct buf *out, const char *key, const char *value)
{
	size_t rest = strlen(key) + strlen(value) + 3, len = rest + 1;
	char digits[24];

	while (len != rest + (size_t)snprintf(digits, sizeof(digits), "%zu", len))
		len = rest + strlen(digits);
	return buf_addf(out, "%zu %s=%s\n", len, key, value);
}

static int write_number(struct buf *out, const char *key, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, v);
	return write_record(out, key, text);
}

static int write_mtime(struct buf *out, int64_t s, uint32_t ns)
{
	bool negative = s < 0;
	char text[48];

	if (negative && ns > 0) { /* the text counts from zero, the number from below */
		s++;
		ns = 1000000000 - ns;
	}
	snprintf(text, sizeof(text), "%s%" PRId64 ".%09" PRIu32, negative ? "-" : "",
		 negative ? -s : s, ns);
	return write_record(out, "mtime", text);
}

int tar_pax_write(const struct tar_pax *p, struct buf *out)
{
	int r = 0;

	if (p->has & TAR_PAX_PATH)
		r = write_record(out, "path", p->path);
	if (r == 0 && p->has & TAR_PAX_LINK)
		r = write_record(out, "linkpath", p->link);
	if (r == 0 && p->has & TAR_PAX_SIZE)
		r = write_number(out, "size", p->size);
	if (r == 0 && p->has & TAR_PAX_UID)
		r = write_number(out, "uid", p->uid);
	if (r == 0 && p->has & TAR_PAX_GID)
		r = write_number(out, "gid", p->gid);
	if (r == 0 && p->has & TAR_PAX_MTIME)
		r = write_mtime(out, p->mtime, p->mtime_ns);
	return r;
}
