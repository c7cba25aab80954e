/* SPDX-License-Identifier: MPL-2.0 */
/* verify.c - mdcfs verify: the SHA-256 of a dataset's whole file.
 *
 * Blocks that are cached were checked when they were read from the disk; all others are fetched, and
 * not kept: a file that is larger than the cache would push out what is of use.  How far it came is
 * kept beside the cached blocks when it is ended, so that the same command goes on.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "archive/feed.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/log.h"
#include "base/stats.h"
#include "cli/command.h"
#include "cli/engine.h"
#include "cli/progress.h"

#define STATE_NAME "verify.sha256"
#define SAVE_MS 10000
#define SHOW_MS 250
#define FEED_BYTES ((uint64_t)32 << 20)

static const char help[] =
	"Usage: mdcfs verify [--json] [-o OPT[,OPT...]] SOURCE\n"
	"\n"
	"Compare the SHA-256 of a dataset's whole file with the one that was announced,\n"
	"or print it. What the cache has is read from there, all else is fetched. Goes on\n"
	"where it was ended.\n"
	"\n"
	"  SOURCE       SLUG, ID or mdc:SLUG; https://HOST/FILE; a path with a '/'\n"
	"  -j, --json   print the result as JSON\n"
	"  -o OPTS      options, as for 'mdcfs mount'\n"
	"  -h, --help   show this\n";

static _Atomic bool stop; /* by a signal */

struct verify {
	const struct volume *volume;
	struct digest *digest;
	char *state;   /* path, or NULL: nothing is kept */
	uint64_t from; /* bytes hashed by earlier goes */
	uint64_t fetched, fetched_before;
	char hex[DIGEST_HEX];
};

static void on_signal(int sig)
{
	(void)sig;
	atomic_store(&stop, true);
}

/* But for those that whoever started us wants ignored (nohup, &). */
static void catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction act = { .sa_handler = on_signal }, now;

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (sigaction(signals[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			sigaction(signals[i], &act, NULL);
}

/* ---- going on ---- */

static int begin(struct verify *v)
{
	const char *dir = object_dir(v->volume->object);
	AUTO(auto_free) char *state = NULL;
	size_t n;

	v->state = dir ? path_join(dir, STATE_NAME) : NULL;
	if (v->state && file_slurp(v->state, DIGEST_STATE, &state, &n) == 0 &&
	    digest_load(state, n, &v->digest) == 0 &&
	    digest_bytes(v->digest) <= v->volume->raw->size) {
		v->from = digest_bytes(v->digest);
		return 0;
	}
	digest_free(v->digest); /* of a larger file: nonsense */
	v->digest = digest_new();
	return v->digest ? 0 : -ENOMEM;
}

static void save(const struct verify *v)
{
	unsigned char state[DIGEST_STATE];

	if (!v->state)
		return;
	digest_save(v->digest, state);
	if (file_replace(v->state, state, sizeof(state), 0600) < 0)
		debug(cache, "%s cannot be written", v->state);
}

/* ---- reading ---- */

static int hash(struct verify *v, struct feed *f, struct progress_view *view)
{
	struct progress p = { .total = v->volume->raw->size };
	int64_t begun = clock_ms(), saved = begun, shown = begun;
	const unsigned char *piece;
	size_t n;
	int r;

	while ((r = feed_next(f, &piece, &n)) == 1) {
		int64_t now = clock_ms();

		digest_add(v->digest, piece, n);
		p.done = digest_bytes(v->digest);
		p.rate =
			now - begun > 500 ? (p.done - v->from) * 1000 / (uint64_t)(now - begun) : 0;
		if (now - shown >= SHOW_MS) {
			progress_show(view, &p);
			shown = now;
		}
		if (now - saved >= SAVE_MS) {
			save(v);
			saved = now;
		}
	}
	progress_clear(view);
	return r;
}

static int read_all(struct verify *v, const struct options *opt)
{
	struct progress_view view = { 0 };
	struct feed *f;
	int r = feed_new(v->volume->raw, v->from, opt->connections,
			 MIN(FEED_BYTES, opt->memory / 4), &stop, &f);

	if (r < 0)
		return r;
	v->fetched_before = stats_get(storage_bytes);
	r = hash(v, f, &view);
	v->fetched = stats_get(storage_bytes) - v->fetched_before;
	feed_free(f);
	if (r == 0)
		return 0;
	save(v);
	if (r == -ECANCELED)
		return log_warn(0, "stopped at %.1f %%; the same command goes on",
				100.0 * (double)digest_bytes(v->digest) /
					(double)MAX(v->volume->raw->size, 1)),
		       COMMAND_INTERRUPTED;
	return log_error(r, "%s: stopped; the same command goes on", v->volume->dataset->filename);
}

/* ---- the verdict ---- */

/* Bytes of this go that were not fetched. */
static uint64_t from_here(const struct verify *v)
{
	uint64_t all = v->volume->raw->size - v->from;

	return all - MIN(v->fetched, all);
}

static int print_json(const struct verify *v)
{
	const struct dataset *d = v->volume->dataset;
	AUTO(auto_json_free) struct json *j = json_object();
	AUTO(auto_free) char *text = NULL;

	json_set_str(j, "filename", d->filename);
	json_set_u64(j, "size", v->volume->raw->size);
	json_set_str(j, "sha256", v->hex);
	json_set_str(j, "announced", d->checksum[0] ? d->checksum : NULL);
	if (d->checksum[0])
		json_set_bool(j, "verified", strcmp(v->hex, d->checksum) == 0);
	else
		json_set(j, "verified", NULL);
	json_set_u64(j, "bytes_fetched", v->fetched);
	json_set_u64(j, "bytes_here", from_here(v));
	json_set_u64(j, "bytes_before", v->from);
	text = json_print(j, true);
	return !text ? -ENOMEM : fputs(text, stdout) < 0 ? -EIO : 0;
}

static int judge(struct verify *v, bool as_json)
{
	const struct dataset *d = v->volume->dataset;
	int r = as_json ? print_json(v) : printf("%s  %s\n", v->hex, d->filename) < 0 ? -EIO : 0;

	if (r < 0 || !d->checksum[0])
		return r;
	if (strcmp(v->hex, d->checksum) == 0) {
		log_info("%s: SHA-256 as announced", d->filename);
		return 0;
	}
	return log_error(0,
			 "%s: the SHA-256 is not the one that was announced, %s: of these bytes "
			 "%llu were "
			 "fetched now, %llu were here, and %llu were read by an earlier go",
			 d->filename, d->checksum, (unsigned long long)v->fetched,
			 (unsigned long long)from_here(v), (unsigned long long)v->from),
	       -EBADMSG;
}

static int run(struct verify *v, struct engine *e, const char *spec, bool as_json)
{
	int r = engine_open(e);

	if (r == 0)
		r = engine_resolve(e, spec);
	if (r < 0)
		return r;
	v->volume = volumes_at(e->volumes, 0);
	r = begin(v);
	if (r == 0)
		r = read_all(v, &e->env.opt);
	if (r != 0)
		return r;
	digest_end(steal(&v->digest), v->hex);
	if (v->state) /* the next one looks anew */
		(void)unlink(v->state);
	return judge(v, as_json);
}

int command_verify(int argc, char **argv)
{
	struct engine e = { 0 };
	struct verify v = { 0 };
	bool as_json = false;
	struct command_common common = { .help = help, .json = &as_json, .env = &e.env };
	int c, r;

	while ((c = command_option(argc, argv, &common, NULL, NULL)) > 0)
		;
	r = c == 0 ? common.result : 0;
	if (c < 0 && argc - optind != 1)
		r = command_misused(argv[0], "one SOURCE is expected");
	if (c < 0 && r == 0)
		r = env_options(&e.env, NULL);
	if (c < 0 && r == 0) {
		catch_signals();
		r = env_resolve(&e.env);
		if (r == 0)
			r = run(&v, &e, argv[optind], as_json);
	}
	digest_free(v.digest);
	free(v.state);
	engine_close(&e);
	return r;
}
