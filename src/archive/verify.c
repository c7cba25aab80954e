/* SPDX-License-Identifier: MPL-2.0 */
/* verify.c - see verify.h. */
#include "archive/verify.h"

#include <errno.h>

#include "base/log.h"

struct verify {
	struct digest *digest; /* NULL: taken */
};

static int load(struct index *x, struct digest **out)
{
	AUTO(auto_free) void *state = NULL;
	size_t n;
	int r = index_value(x, "sha256_state", &state, &n);

	if (r == 0)
		r = digest_load(state, n, out);
	if (r == -EINVAL)
		debug(pass, "the state of the SHA-256 is damaged: it begins anew");
	return r;
}

int verify_new(struct index *x, struct verify **out)
{
	struct verify *v = calloc(1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	if (load(x, &v->digest) < 0)
		v->digest = digest_new();
	if (!v->digest) {
		verify_free(v);
		return -ENOMEM;
	}
	*out = v;
	return 0;
}

struct verify *verify_free(struct verify *v)
{
	if (v)
		digest_free(v->digest);
	free(v);
	return NULL;
}

void verify_add(struct verify *v, uint64_t off, const void *p, size_t n)
{
	uint64_t hashed = v->digest ? digest_bytes(v->digest) : UINT64_MAX;

	if (off <= hashed && hashed - off < n)
		digest_add(v->digest, (const char *)p + (hashed - off), n - (size_t)(hashed - off));
}

int verify_save(const struct verify *v, struct index *x)
{
	unsigned char state[DIGEST_STATE];

	if (!v->digest)
		return 0;
	digest_save(v->digest, state);
	return index_set_value(x, "sha256_state", state, sizeof(state));
}

bool verify_end(struct verify *v, uint64_t size, char hex[static DIGEST_HEX])
{
	if (!v->digest || digest_bytes(v->digest) != size)
		return false;
	digest_end(steal(&v->digest), hex);
	return true;
}
