/* SPDX-License-Identifier: MPL-2.0 */
/* extras.c - see extras.h. */
#include "fs/extras.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "fs/fs.h"

/* Told once for each try; what was not to be found is no failure. */
static int fail(const struct extras *x, int r, const char *what, const char *why, int64_t *hold_ms)
{
	const struct fs *fs = atomic_load(&x->fs);

	*hold_ms = EXTRAS_HOLD_MS;
	if (why[0] && !atomic_load(&fs->st->stopping))
		(void)log_warn(0, "%s of %s: %s", what, x->of->dir, why);
	return r;
}

static int fetch_description(struct errand *e, int64_t *hold_ms)
{
	struct extras *x = container_of(e, struct extras, description);
	char why[512] = "", *text = NULL;
	int r = source_describe(x->of->source, &text, why);

	if (r < 0 && r != -ENOENT)
		return fail(x, r, "the description", why, hold_ms);
	x->text = text;
	return 0;
}

static int fetch_sample(struct errand *e, int64_t *hold_ms)
{
	struct extras *x = container_of(e, struct extras, sample);
	struct fs *fs = atomic_load(&x->fs);
	struct volume *v = NULL;
	char why[512] = "";
	int r = volume_open_sample(fs->st, x->of, &v, why);

	if (r == 0)
		r = volumes_attach(fs->volumes, v);
	if (r == 0) {
		x->sample_volume = v;
		return 0;
	}
	volume_discard(v);
	return r == -ENOENT ? 0 : fail(x, r, "the sample", why, hold_ms);
}

void extras_init(struct extras *x, struct volume *of)
{
	*x = (struct extras){ .of = of };
	errand_init(&x->description, fetch_description);
	errand_init(&x->sample, fetch_sample);
}

void extras_free(struct extras *x)
{
	free(x->text);
	x->text = NULL;
}

bool extras_possible(const struct extras *x)
{
	return x->of && x->of->source && source_has_extras(x->of->source);
}

int extras_description(struct fs *fs, struct extras *x, struct waiter *w, const char **text)
{
	int r;

	atomic_store(&x->fs, fs);
	r = errand_need(fs->errands, &x->description, w);
	if (r == 0)
		*text = x->text;
	return r;
}

int extras_sample(struct fs *fs, struct extras *x, struct waiter *w, struct volume **out)
{
	int r;

	atomic_store(&x->fs, fs);
	r = errand_need(fs->errands, &x->sample, w);
	if (r == 0)
		*out = x->sample_volume;
	return r;
}

static bool is_known(struct extras *x, const struct errand *e)
{
	struct fs *fs = atomic_load(&x->fs);

	return fs && errand_state(fs->errands, e) == 0;
}

bool extras_known_description(struct extras *x, const char **text)
{
	if (!is_known(x, &x->description))
		return false;
	*text = x->text;
	return true;
}

bool extras_known_sample(struct extras *x, struct volume **out)
{
	if (!is_known(x, &x->sample))
		return false;
	*out = x->sample_volume;
	return true;
}
