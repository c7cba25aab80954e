/* SPDX-License-Identifier: MPL-2.0 */
/* leasefile.c - see leasefile.h. */
#include "source/leasefile.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/file.h"

struct leasefile {
	char *post_url;
	char *session, *proven;
	char *lock[LEASEFILE_LOCKS];
	int fd[LEASEFILE_LOCKS]; /* -1: not ours */
};

static int set_paths(struct leasefile *f, const char *dir)
{
	char hex[DIGEST_HEX];
	const struct {
		char **path;
		const char *suffix;
	} all[] = { { &f->session, "json" },
		    { &f->proven, "proven" },
		    { &f->lock[0], "lock" },
		    { &f->lock[1], "lock2" } };
	int r = digest_strings(hex, f->post_url, NULL);

	for (size_t i = 0; i < ARRAY_SIZE(all) && r == 0; i++)
		if (asprintf(all[i].path, "%s/%s.%s", dir, hex, all[i].suffix) < 0) {
			*all[i].path = NULL;
			r = -ENOMEM;
		}
	return r;
}

int leasefile_new(const char *dir, const char *post_url, struct leasefile **out)
{
	int r = dir_make(dir, 0700);
	struct leasefile *f;

	if (r < 0)
		return r;
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	for (unsigned n = 0; n < LEASEFILE_LOCKS; n++)
		f->fd[n] = -1;
	f->post_url = strdup(post_url);
	r = f->post_url ? set_paths(f, dir) : -ENOMEM;
	if (r < 0) {
		leasefile_free(f);
		return r;
	}
	*out = f;
	return 0;
}

struct leasefile *leasefile_free(struct leasefile *f)
{
	if (!f)
		return NULL;
	leasefile_unlock(f);
	for (unsigned n = 0; n < LEASEFILE_LOCKS; n++)
		free(f->lock[n]);
	free(f->session);
	free(f->proven);
	free(f->post_url);
	free(f);
	return NULL;
}

/* What stands for a session's URL; one that was given out again is another. */
static int name_url(const char *url, int64_t issued, char hex[static DIGEST_HEX])
{
	char time[24];

	snprintf(time, sizeof(time), "%" PRId64, issued);
	return digest_strings(hex, url, time, NULL);
}

static bool is_proven(const struct leasefile *f, const struct session *s)
{
	AUTO(auto_free) char *text = NULL;
	char hex[DIGEST_HEX];

	return file_slurp(f->proven, DIGEST_HEX, &text, NULL) == 0 &&
	       name_url(s->url, s->issued, hex) == 0 && strcmp(text, hex) == 0;
}

int leasefile_read(struct leasefile *f, int64_t now, struct session *out, bool *proven)
{
	int r = session_read(f->session, f->post_url, now, out);

	if (r == 0)
		*proven = is_proven(f, out);
	return r;
}

int leasefile_write(struct leasefile *f, const struct session *s)
{
	return session_write(f->session, s);
}

void leasefile_drop(struct leasefile *f, int64_t now, const char *url)
{
	AUTO(session_clear) struct session s = { 0 };

	if (session_read(f->session, f->post_url, now, &s) == 0 && strcmp(s.url, url) == 0)
		unlink(f->session);
}

/* Without a lock: what is written is about this URL alone, and a file that is not read in time or
 * overwritten by another's means that the URL is taken for unproven. */
void leasefile_prove(struct leasefile *f, const char *url, int64_t issued)
{
	char hex[DIGEST_HEX];

	if (name_url(url, issued, hex) == 0)
		(void)!file_replace(f->proven, hex, strlen(hex), 0600);
}

bool leasefile_proven(const struct leasefile *f)
{
	return access(f->proven, F_OK) == 0;
}

int leasefile_lock(struct leasefile *f, unsigned n)
{
	return f->fd[n] >= 0 ? 0 : file_lock(f->lock[n], false, &f->fd[n]);
}

void leasefile_unlock(struct leasefile *f)
{
	for (unsigned n = 0; n < LEASEFILE_LOCKS; n++) {
		if (f->fd[n] >= 0)
			close(f->fd[n]);
		f->fd[n] = -1;
	}
}
