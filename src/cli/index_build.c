/* SPDX-License-Identifier: MPL-2.0 */
/* index_build.c - see index_build.h.
 *
 * Signals are blocked in every thread while the pass runs and taken by the one loop here, so that
 * Ctrl-C is no more than a reason to end in good order.
 */
#include "cli/index_build.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/index_show.h"

#define LOOK_MS 250 /* between two looks at the pass */

/* True: a signal has come. */
static bool wait_a_moment(void)
{
	struct timespec moment = { .tv_nsec = LOOK_MS * 1000000L };
	sigset_t set;

	command_ending(&set);
	return sigtimedwait(&set, NULL, &moment) > 0;
}

static bool has_ended(const struct archive_info *i)
{
	return strcmp(i->state, "complete") == 0 || strcmp(i->state, "failed") == 0 || i->failure;
}

/* Until the pass has ended.  0 or COMMAND_INTERRUPTED. */
static int watch(struct archive *a, struct progress_view *view, struct archive_info *i)
{
	bool said = false;

	for (archive_info(a, i); !has_ended(i); archive_info(a, i)) {
		struct progress p = { i->position, i->total, i->rate, i->members };

		if (i->elsewhere && !said)
			(void)log_at(LOG_LEVEL_INFO, 0,
				     "another mdcfs is reading it: following that");
		said |= i->elsewhere;
		progress_show(view, &p);
		archive_tick(a);
		if (wait_a_moment())
			return COMMAND_INTERRUPTED;
	}
	return 0;
}

/* How it ended: 0 = complete. */
static int judge(const struct volume *v, const struct archive_info *i, int r)
{
	const char *name = v->dataset->filename;

	if (r == COMMAND_INTERRUPTED) {
		(void)log_warn(
			0, "stopped at %.1f %%; what was read is kept, the same command goes on",
			i->total ? 100.0 * (double)i->position / (double)i->total : 0);
		return r;
	}
	if (i->failure)
		return log_error(i->failure,
				 "%s: stopped; what was read is kept, the same command "
				 "goes on",
				 name);
	return strcmp(i->state, "complete") == 0 ? 0 : -EIO; /* the pass has said what is wrong */
}

static int run(const struct volume *v)
{
	struct progress_view view = { 0 };
	struct archive_info i;
	sigset_t set, before;
	int r;

	command_ending(&set);
	pthread_sigmask(SIG_BLOCK, &set, &before);
	archive_read_all(v->archive);
	r = watch(v->archive, &view, &i);
	archive_stop(v->archive);
	progress_clear(&view);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return judge(v, &i, r);
}

/* Threads inherit what is blocked: those of the engine must not take a signal for us. */
static int open_blocked(struct engine *e)
{
	sigset_t set, before;
	int r;

	command_ending(&set);
	pthread_sigmask(SIG_BLOCK, &set, &before);
	r = engine_open(e);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

static int check(const struct volume *v)
{
	if (!v->archive)
		return log_error(0, "%s is no archive by its name: there is nothing to index",
				 v->dataset->filename),
		       -EINVAL;
	if (!archive_index_path(v->archive))
		return log_error(0, "the index cannot be kept: see -o cache_dir"), -EROFS;
	return 0;
}

int index_build(struct engine *e, const char *spec, bool as_json)
{
	const struct volume *v;
	int r = open_blocked(e);

	if (r == 0)
		r = engine_add(e, spec);
	if (r < 0)
		return r;
	v = volumes_at(e->volumes, 0);
	r = check(v);
	if (r < 0)
		return r;
	if (archive_complete(v->archive))
		log_info("%s: its index is complete already", v->dataset->filename);
	else
		r = run(v);
	if (r == 0 || as_json) {
		int shown = index_show_volume(v, as_json);

		r = r == 0 && shown != -ENOENT ? shown : r;
	}
	return r;
}
