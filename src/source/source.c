/* SPDX-License-Identifier: MPL-2.0 */
/* source.c - see source.h: finds the scheme of a spec and passes every call on to it. */
#include "source/source.h"

#include <errno.h>
#include <string.h>

#include "source/link.h"
#include "source/local.h"
#include "source/mdc.h"
#include "source/scheme.h"

#define SPEC_MAX 16384 /* presigned URLs are long, but not that long */

static const struct source_ops *const schemes[] = { &mdc_source, &link_source, &local_source };

static const struct source_ops *find_scheme(const char *spec)
{
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (schemes[i]->claims(spec))
			return schemes[i];
	return &mdc_source; /* a bare word is a dataset's slug or id */
}

int source_open(
	const struct source_env *env, const char *spec, struct source **out, char why[static 512])
{
	int r;

	why[0] = '\0';
	if (!spec[0] || strlen(spec) > SPEC_MAX)
		return scheme_fail(why, -EINVAL,
			"a source is a dataset, a URL or a path of at most %d bytes", SPEC_MAX);
	r = find_scheme(spec)->open(env, spec, out, why);
	if (r == 0)
		why[0] = '\0'; /* what went wrong on the way did not matter */
	else if (!why[0])
		(void)scheme_fail(why, r, "the source cannot be opened: %s", strerror(-r));
	return r;
}

int source_check(struct source *s, char why[static 512])
{
	why[0] = '\0';
	return s->ops->check ? s->ops->check(s, why) : -EOPNOTSUPP;
}

bool source_described(const struct source *s)
{
	return s->ops->check;
}

int source_verify(struct source *s, const _Atomic bool *stop)
{
	return s->ops->verify ? s->ops->verify(s, stop) : 0;
}

bool source_recalled(const struct source *s)
{
	return s->recalled;
}

int source_describe(struct source *s, char **text, char why[static 512])
{
	why[0] = '\0';
	return s->ops->describe ? s->ops->describe(s, text, why) : -ENOENT;
}

int source_open_sample(struct source *s, struct source **out, char why[static 512])
{
	why[0] = '\0';
	return s->ops->sample ? s->ops->sample(s, out, why) : -ENOENT;
}

bool source_has_extras(const struct source *s)
{
	return s->ops->describe || s->ops->sample;
}

void source_stop(struct source *s)
{
	if (s->ops->stop)
		s->ops->stop(s);
}

struct source *source_close(struct source *s)
{
	if (s)
		s->ops->close(s);
	return NULL;
}

const struct dataset *source_dataset(const struct source *s)
{
	return &s->dataset;
}

const char *source_scheme(const struct source *s)
{
	return s->ops->scheme;
}

const char *source_key(const struct source *s)
{
	return s->key;
}

const char *source_path(const struct source *s)
{
	return s->path;
}

int source_locate(struct source *s, struct waiter *w, struct location *out)
{
	return s->ops->locate(s, w, out);
}

int source_refused(struct source *s, uint64_t generation)
{
	return s->ops->refused(s, generation);
}

void source_accepted(struct source *s, uint64_t generation)
{
	if (s->ops->accepted)
		s->ops->accepted(s, generation);
}

void source_trouble(struct source *s, char out[static 512])
{
	s->ops->trouble(s, out);
}

void source_date(struct source *s, int64_t date)
{
	if (s->ops->date)
		s->ops->date(s, date);
}

bool source_granted(struct source *s)
{
	return s->ops->granted && s->ops->granted(s);
}

int64_t source_expires(struct source *s)
{
	return s->ops->expires ? s->ops->expires(s) : 0;
}
