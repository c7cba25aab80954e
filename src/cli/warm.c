/* SPDX-License-Identifier: MPL-2.0 */
/* warm.c - mdcfs warm: bring files of mounts to the cache.
 *
 * The mount does the work, asked for each file by an ioctl (fs/warm.h).  Threads here only ask and
 * wait; the main thread shows how far it is and takes the signals.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/human.h"
#include "cli/progress.h"
#include "cli/warm_list.h"
#include "fs/inode.h"
#include "fs/warm.h"
#include "net/json.h"

#define LOOK_MS 100
#define JOBS 16u
#define JOBS_MAX 256u
#define REFUSED_MAX 64u /* blocks that the cache has not taken: more is no accident */

static const char help[] =
	"Usage: mdcfs warm [--json] [-f LIST] [-J N] PATH...\n"
	"\n"
	"Bring files of a mount to its cache: reading them later waits for nothing.\n"
	"What is there already is passed over: the same command goes on where it ended.\n"
	"\n"
	"  PATH              a file or folder inside a mount\n"
	"  -f, --from LIST   paths from a file, one a line; '-' for standard input\n"
	"  -J, --jobs N      files at a time (16)\n"
	"  -j, --json        print the result as JSON\n"
	"  -h, --help        show this\n";

struct warm {
	struct warm_list list;
	unsigned jobs;
	bool as_json, interrupted;
	_Atomic bool stop;
	_Atomic uint64_t done;			/* bytes */
	_Atomic uint64_t files, failed, unread; /* unread: has no size yet */
	_Atomic unsigned running;		/* threads */
	uint64_t total;
	pthread_mutex_t lock; /* guards the list, and what follows */
	uint64_t refused, refused_first;
	bool refused_known;
	int error; /* the first */
};

/* ---- one file ---- */

static void note_error(struct warm *w, int r)
{
	LOCK_SCOPE(&w->lock);
	w->error = w->error ? w->error : r;
}

/* Is the cache still taking what comes? */
static int look_at_refused(struct warm *w, uint64_t refused)
{
	LOCK_SCOPE(&w->lock);
	if (!w->refused_known)
		w->refused_first = refused;
	w->refused_known = true;
	w->refused = MAX(w->refused, refused);
	return w->refused - MIN(w->refused_first, w->refused) > REFUSED_MAX ? -ENOSPC : 0;
}

static int bring(struct warm *w, int fd, const struct warm_file *f)
{
	for (uint64_t off = 0; off < f->size;) {
		struct warm_order o = { .off = off, .len = f->size - off, .more = f->more };
		int r;

		if (atomic_load(&w->stop))
			return -ECANCELED;
		if (ioctl(fd, WARM_IOCTL, &o) < 0)
			return -errno;
		if (o.done == 0)
			return -EIO;
		off += o.done;
		atomic_fetch_add(&w->done, o.done);
		r = look_at_refused(w, o.refused);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Not this file's trouble alone: all others would fail likewise. */
static bool ends_all(int r)
{
	return r == -ENOSPC || r == -EROFS || r == -ENOTTY || r == -ENOTCONN || r == -EDQUOT;
}

static void say(const struct warm_file *f, int r)
{
	if (r == -EROFS)
		(void)log_error(0, "%s: the mount keeps no data in a cache", f->path);
	else if (r == -ENOSPC)
		(void)log_error(
			0, "the cache takes no more: see cache_size, cache_reserve, and the log of "
			   "the mount");
	else if (r == -ENOTTY)
		(void)log_error(0, "%s: the mount cannot be asked: it is of an older mdcfs",
				f->path);
	else
		(void)log_error(r, "%s", f->path);
}

/* A portal's, which nobody has read yet.  Those that programs seek in were received by the open(). */
static bool has_no_size(int fd, const struct warm_file *f)
{
	struct stat st;

	return f->size == 0 && fstat(fd, &st) == 0 && ino_is_branch(st.st_ino) && st.st_size == 0;
}

static void warm_file(struct warm *w, const struct warm_file *f)
{
	AUTO(auto_close) int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int r = fd < 0 ? -errno : bring(w, fd, f);

	if (r == 0 && has_no_size(fd, f)) {
		atomic_fetch_add(&w->unread, 1);
		return;
	}
	if (r == 0) {
		atomic_fetch_add(&w->files, 1);
		return;
	}
	if (atomic_load(&w->stop))
		return;
	if (!ends_all(r) || !atomic_exchange(&w->stop, true))
		say(f, r);
	atomic_fetch_add(&w->failed, 1);
	note_error(w, r);
}

static bool next_file(struct warm *w, struct warm_file *f)
{
	int r;

	LOCK_SCOPE(&w->lock);
	while ((r = warm_list_next(&w->list, f)) < 0)
		w->error = w->error ? w->error : r;
	return r == 1;
}

static void *worker(void *arg)
{
	struct warm *w = arg;
	struct warm_file f;

	while (!atomic_load(&w->stop) && next_file(w, &f)) {
		warm_file(w, &f);
		free(f.path);
	}
	atomic_fetch_sub(&w->running, 1);
	return NULL;
}

/* ---- all of them ---- */

/* How much is it?  -ENOSPC: more than the cache may hold. */
static int measure(struct warm *w)
{
	char need[32], may[32];
	struct warm_file f;
	int r;

	while ((r = warm_list_next(&w->list, &f)) != 0) {
		if (r < 0)
			continue; /* it is said once more on the way */
		w->list.site[f.site].total += f.size;
		w->total += f.size;
		free(f.path);
	}
	warm_list_rewind(&w->list);
	for (unsigned i = 0; i < w->list.n_sites; i++) {
		const struct warm_site *s = &w->list.site[i];

		if (s->limit > 0 && s->total > s->limit)
			return log_error(0,
					 "that is %s, and the cache of %s may hold %s: see "
					 "cache_size",
					 human_size(s->total, need), s->mountpoint,
					 human_size(s->limit, may)),
			       -ENOSPC;
	}
	return 0;
}

/* Ends a wait in the kernel; nothing else. */
static void on_wake(int sig)
{
	(void)sig;
}

static void show(struct warm *w, struct progress_view *view, int64_t begun)
{
	int64_t ms = clock_ms() - begun;
	uint64_t done = atomic_load(&w->done);
	struct progress p = { .done = MIN(done, w->total), .total = w->total };

	p.rate = ms > 1000 ? done / (uint64_t)(ms / 100) * 10 : 0;
	progress_show(view, &p);
}

/* Until they have ended, or a signal has come, which ends them. */
static void watch(struct warm *w, const pthread_t *thread, unsigned n, const sigset_t *set)
{
	struct timespec moment = { .tv_nsec = LOOK_MS * 1000000L };
	struct progress_view view = { 0 };
	int64_t begun = clock_ms();

	while (atomic_load(&w->running) > 0) {
		show(w, &view, begun);
		if (sigtimedwait(set, NULL, &moment) > 0) {
			w->interrupted = true;
			atomic_store(&w->stop, true);
		}
		for (unsigned i = 0; atomic_load(&w->stop) && i < n; i++)
			pthread_kill(thread[i], SIGUSR1); /* not joined yet: valid */
	}
	progress_clear(&view);
}

static int warm_all(struct warm *w)
{
	struct sigaction wake = { .sa_handler = on_wake };
	pthread_t thread[JOBS_MAX];
	sigset_t set, before;
	unsigned n = 0;
	int r = 0;

	sigaction(SIGUSR1, &wake, NULL);
	command_ending(&set);
	pthread_sigmask(SIG_BLOCK, &set, &before);
	while (n < w->jobs && r == 0) {
		atomic_fetch_add(&w->running, 1);
		r = -pthread_create(&thread[n], NULL, worker, w);
		n += r == 0;
	}
	if (r < 0)
		atomic_fetch_sub(&w->running, 1);
	if (n > 0)
		watch(w, thread, n, &set);
	for (unsigned i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return n > 0 ? 0 : r;
}

static int report(struct warm *w)
{
	AUTO(auto_json_free) struct json *j = json_object();
	AUTO(auto_free) char *text = NULL;
	char files[32], bytes[32];

	json_set_u64(j, "files", atomic_load(&w->files));
	json_set_u64(j, "failed", atomic_load(&w->failed));
	json_set_u64(j, "bytes", atomic_load(&w->done));
	json_set_u64(j, "total", w->total);
	json_set_bool(j, "complete",
		      !w->interrupted && w->error == 0 && atomic_load(&w->unread) == 0);
	if (w->as_json) {
		text = json_print(j, true);
		return text ? fputs(text, stdout) < 0 ? -EIO : 0 : -ENOMEM;
	}
	return printf("%s files, %s are in the cache\n", human_count(atomic_load(&w->files), files),
		      human_size(atomic_load(&w->done), bytes)) < 0
		       ? -EIO
		       : 0;
}

static int run(struct warm *w)
{
	int r = warm_list_locate(&w->list);

	if (r == 0)
		r = measure(w);
	if (r == 0)
		r = warm_all(w);
	if (r < 0)
		return r;
	r = report(w);
	if (w->interrupted)
		return log_warn(0, "stopped; what was brought is kept, the same command goes on"),
		       COMMAND_INTERRUPTED;
	if (r == 0 && atomic_load(&w->unread) > 0)
		r = log_error(-ENODATA,
			      "%" PRIu64
			      " files of a portal have no size before they are read, and "
			      "were left out: read them once",
			      atomic_load(&w->unread));
	return w->error ? w->error : r;
}

static int parse_jobs(struct warm *w, const char *argv0, const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*end || end == text || n < 1 || n > JOBS_MAX)
		return command_misused(argv0, "--jobs: a number from 1 to %u is expected",
				       JOBS_MAX);
	w->jobs = (unsigned)n;
	return 0;
}

int command_warm(int argc, char **argv)
{
	static const struct option longs[] = { { "from", required_argument, NULL, 'f' },
					       { "jobs", required_argument, NULL, 'J' },
					       { 0 } };
	struct warm w = { .jobs = JOBS };
	struct command_common common = { .help = help, .json = &w.as_json };
	bool from = false;
	int c, r = 0;

	warm_list_init(&w.list);
	pthread_mutex_init(&w.lock, NULL);
	while (r == 0 && (c = command_option(argc, argv, &common, "f:J:", longs)) > 0) {
		from |= c == 'f';
		r = c == 'f' ? warm_list_read(&w.list, optarg) : parse_jobs(&w, argv[0], optarg);
	}
	if (r == 0 && c == 0) {
		r = common.result;
	} else if (r == 0 && optind == argc && !from) {
		r = command_misused(argv[0], "which files? A path inside a mount is needed");
	} else if (r == 0) {
		for (int i = optind; i < argc && r == 0; i++)
			r = warm_list_add(&w.list, argv[i]);
		r = r == 0 ? run(&w) : r;
	}
	warm_list_free(&w.list);
	pthread_mutex_destroy(&w.lock);
	return r;
}
