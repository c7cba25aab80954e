/* SPDX-License-Identifier: MPL-2.0 */
/* status.c - mdcfs status: what mounts are doing, from MOUNTPOINT/.mdcfs/status.json. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/env.h"
#include "cli/human.h"
#include "cli/mounts.h"
#include "cli/peek.h"
#include "cli/progress.h"
#include "net/json.h"
#include "source/ledger.h"

#define PEEK_MS 5000
#define INDENT 14 /* columns before the figures of a dataset */

static const char help[] =
	"Usage: mdcfs status [--json] [MOUNTPOINT]\n"
	"       mdcfs status [--json] --downloads\n"
	"\n"
	"Show datasets, progress, traffic and leases of one or of all mdcfs mounts, and\n"
	"the downloads that were asked for today.\n"
	"\n"
	"  -d, --downloads  only those; no mount is looked at\n"
	"  -j, --json   print what the mount reports: one object for MOUNTPOINT, else\n"
	"               an array with one object for every mount\n"
	"  -h, --help   show this\n";

/* A field that is there and not empty. */
static void print_field(const char *label, const char *value)
{
	if (!value || !*value)
		return;
	printf("    %-9s ", label);
	human_print(stdout, value);
	putchar('\n');
}

static void print_file(const struct json *d)
{
	char size[32], count[32];
	const char *name = json_str(d, "filename");
	uint64_t n;

	printf("    %-9s ", "file");
	human_print(stdout, name ? name : "?");
	if (json_u64(d, "size", &n))
		printf(", %s (%s bytes)\n", human_size(n, size), human_count(n, count));
	else
		printf(", size not known yet\n");
}

/* Which version, and since when it has been known to be the newest. */
static void print_version(const struct json *v)
{
	const char *is = json_str(v, "is"), *checked = json_str(v, "checked");
	char ago[32];
	int64_t when;
	uint64_t earlier;

	if (!is)
		return;
	printf("    %-9s ", "version");
	human_print(stdout, is);
	if (checked && clock_parse(checked, &when) == 0)
		printf(", checked %s ago", human_secs(MAX(clock_now() - when, 0), ago));
	else
		printf(", not checked: nobody could be asked");
	if (json_u64(v, "earlier", &earlier) && earlier > 0)
		printf(", %" PRIu64 " before it", earlier);
	putchar('\n');
	if (json_bool(v, "changed", false))
		print_field("changed", "another version is there, which cannot be shown yet");
}

/* Members whose place in the tree is not what they say, or that have none. */
static void print_damage(const struct json *list)
{
	char count[32];
	uint64_t n;

	for (size_t i = 0; i < json_len(list); i++) {
		const char *what = json_str(json_at(list, i), "what");

		if (!what || !json_u64(json_at(list, i), "members", &n))
			continue;
		printf("    %-9s %s members: ", "damage", human_count(n, count));
		human_print(stdout, what);
		putchar('\n');
	}
}

/* How far the reading is: with a bar where there is a terminal to draw it on. */
static void print_progress(const struct json *a)
{
	unsigned columns = progress_columns(stdout);
	char line[PROGRESS_LINE];
	struct progress p = { 0 };

	if (!json_u64(a, "position", &p.done) || !json_u64(a, "total", &p.total) || p.total == 0)
		return;
	(void)json_u64(a, "rate", &p.rate);
	if (columns > INDENT + 1)
		printf("\n%*s%s", INDENT, "", progress_bar(&p, columns - INDENT - 1, line));
	else
		printf(", %s", progress_text(&p, line));
}

static void print_archive(const struct json *a)
{
	char members[32];
	const char *format = json_str(a, "format"), *state = json_str(a, "state");
	uint64_t n;

	if (!state || strcmp(state, "none") == 0)
		return;
	printf("    %-9s ", "archive");
	human_print(stdout, format ? format : "format not known yet");
	printf(", ");
	human_print(stdout, state);
	if (json_u64(a, "members", &n))
		printf(", %s members", human_count(n, members));
	if (json_bool(a, "verified", false))
		printf(", SHA-256 verified");
	if (strcmp(state, "reading") == 0)
		print_progress(a);
	putchar('\n');
	print_field("error", json_str(a, "error"));
	print_damage(json_get(a, "damage"));
}

static void print_lease(const struct json *lease)
{
	const char *expires = json_str(lease, "expires");
	char left[32];
	int64_t when;

	if (!expires || clock_parse(expires, &when) < 0)
		return;
	if (when > clock_now())
		printf("    %-9s for another %s\n", "lease", human_secs(when - clock_now(), left));
	else
		printf("    %-9s ended; the next read of new bytes asks for another\n", "lease");
}

static void print_dataset(const struct json *d)
{
	const char *slug = json_str(d, "slug");

	printf("  ");
	human_print(stdout, slug ? slug : "?");
	putchar('\n');
	print_field("name", json_str(d, "name"));
	print_file(d);
	print_version(json_get(d, "version"));
	print_archive(json_get(d, "archive"));
	print_lease(json_get(d, "lease"));
	if (json_bool(d, "absent", false))
		print_field("network", "out of reach: only what is cached can be read");
	print_field("trouble", json_str(d, "trouble"));
}

static void print_cache(const struct json *cache)
{
	char used[32], limit[32];
	const char *dir = json_str(cache, "dir");
	uint64_t n, meta, max;

	if (!dir || !json_u64(cache, "used", &n) || !json_u64(cache, "meta", &meta) ||
	    !json_u64(cache, "limit", &max))
		return;
	printf("  cache       %s of %s in ", human_size(n + meta, used), human_size(max, limit));
	human_print(stdout, dir);
	putchar('\n');
}

static void print_traffic(const struct json *counters)
{
	char bytes[32], requests[32], retries[32];
	uint64_t n, sent, again;

	if (!json_u64(counters, "storage_bytes", &n) ||
	    !json_u64(counters, "storage_requests", &sent) ||
	    !json_u64(counters, "storage_retries", &again))
		return;
	printf("  fetched     %s in %s requests, %s repeated\n", human_size(n, bytes),
	       human_count(sent, requests), human_count(again, retries));
}

/* One line for each service: what this user has asked for today, and what the organization has left. */
static void print_downloads(const struct json *list)
{
	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *j = json_at(list, i);
		const char *kind = json_str(j, "kind"), *until = json_str(j, "until");
		const char *resets = json_str(j, "resets"), *api = json_str(j, "api");
		uint64_t posts, limit, left;

		if (!json_u64(j, "posts", &posts) || !kind || !resets)
			continue;
		printf("  %-11s %" PRIu64 " asked for today",
		       strcmp(kind, "download") == 0 ? "downloads" : "samples", posts);
		if (json_u64(j, "limit", &limit) && json_u64(j, "left", &left))
			printf(", %" PRIu64 " of %" PRIu64 " left", left, limit);
		printf(until ? ", none before " : ", a new day at ");
		human_print(stdout, until ? until : resets);
		printf(" (");
		human_print(stdout, api ? api : "?");
		puts(")");
	}
}

/* Archives inside archives: how many, and what is wrong with some. */
static void print_nested(const struct json *j)
{
	const struct json *list = json_get(j, "trouble");
	char count[32], bad[32];
	uint64_t open, damaged;

	if (!json_u64(j, "open", &open) || !json_u64(j, "damaged", &damaged))
		return;
	printf("  inside      %s archives entered, %s of them damaged\n", human_count(open, count),
	       human_count(damaged, bad));
	for (size_t i = 0; i < json_len(list); i++) {
		const char *name = json_str(json_at(list, i), "name");
		const char *error = json_str(json_at(list, i), "error");

		printf("    ");
		human_print(stdout, name ? name : "?");
		printf(": ");
		human_print(stdout, error ? error : "?");
		putchar('\n');
	}
}

/* A portal: what of it has been heard of, and the calls of the day. */
static void print_portal(const struct json *j)
{
	const char *domain = json_str(j, "domain"), *reset = json_str(j, "calls_reset");
	char count[32];
	uint64_t datasets, limit, left;

	printf("  ");
	human_print(stdout, domain ? domain : "?");
	putchar('\n');
	if (json_u64(j, "datasets", &datasets))
		printf("    %-9s %s known so far\n", "datasets", human_count(datasets, count));
	if (json_bool(j, "calls_used_up", false))
		printf("    %-9s used up, none before ", "calls");
	else if (json_u64(j, "calls_limit", &limit) && json_u64(j, "calls_left", &left))
		printf("    %-9s %" PRIu64 " of %" PRIu64 " left, new ones at ", "calls", left,
		       limit);
	else
		return;
	human_print(stdout, reset ? reset : "?");
	putchar('\n');
}

static void print_mount(const char *mountpoint, const struct json *j)
{
	const struct json *sets = json_get(j, "datasets"), *portals = json_get(j, "portals");
	const char *version = json_str(j, "version"), *since = json_str(j, "since");
	uint64_t pid = 0;

	human_print(stdout, mountpoint);
	printf(": mdcfs ");
	human_print(stdout, version ? version : "?");
	if (json_u64(j, "pid", &pid))
		printf(", pid %" PRIu64, pid);
	printf(", since ");
	human_print(stdout, since ? since : "?");
	putchar('\n');
	print_cache(json_get(j, "cache"));
	print_traffic(json_get(j, "counters"));
	print_downloads(json_get(j, "downloads"));
	for (size_t i = 0; i < json_len(sets); i++)
		print_dataset(json_at(sets, i));
	for (size_t i = 0; i < json_len(portals); i++)
		print_portal(json_at(portals, i));
	print_nested(json_get(j, "nested"));
	if (json_len(sets) == 0 && json_len(portals) == 0)
		printf("  no dataset has been visited yet\n");
}

/* The report of one mount; what is wrong with a mount that gives none is logged here. */
static int fetch(const char *mountpoint, struct json **out)
{
	AUTO(auto_free) char *text = NULL;
	int r = peek_file(mountpoint, ".mdcfs/status.json", PEEK_MS, &text);

	if (r == -ENOTCONN)
		return log_error(r, "%s: the mount's daemon is gone; 'mdcfs umount' clears it",
				 mountpoint);
	if (r == -ETIMEDOUT)
		return log_error(r, "%s: the mount does not answer; 'mdcfs umount -l' detaches it",
				 mountpoint);
	if (r < 0)
		return log_error(r, "%s: no status", mountpoint);
	r = json_parse(text, out);
	return r < 0 ? log_error(r, "%s: status.json", mountpoint) : 0;
}

static struct json *failure(const char *mountpoint, int r)
{
	struct json *j = json_object();

	json_set_str(j, "mountpoint", mountpoint);
	json_set_str(j, "error", strerror(-r));
	return j;
}

static int print_json(const struct json *j)
{
	AUTO(auto_free) char *text = json_print(j, true);

	if (!text)
		return -ENOMEM;
	return fputs(text, stdout) < 0 ? -EIO : 0;
}

/* From the files, whether anything is mounted or not. */
static int status_downloads(bool as_json)
{
	AUTO(env_close) struct env e = { 0 };
	AUTO(auto_json_free) struct json *list = NULL;
	AUTO(auto_free) char *dir = NULL;
	int r = env_options(&e, NULL);

	if (r < 0)
		return r;
	dir = env_lease_dir(&e.opt);
	list = ledger_status(dir, clock_now());
	if (as_json)
		return print_json(list);
	print_downloads(list);
	return 0;
}

static int status_one(const char *arg, bool as_json)
{
	AUTO(auto_free) char *path = NULL;
	AUTO(auto_json_free) struct json *j = NULL;
	AUTO(mounts_free) struct mounts m = { 0 };
	const struct mount *at;
	int r = mounts_path(arg, &path);

	if (r == 0)
		r = mounts_read(&m);
	if (r < 0)
		return log_error(r, "%s", arg);
	at = mounts_find(&m, path);
	if (at && strcmp(at->fstype, MOUNTS_FSTYPE) != 0) {
		(void)log_error(0, "%s is no mdcfs mount but %s", arg, at->fstype);
		return -EINVAL;
	}
	r = fetch(at ? path : arg, &j); /* not in the table: a symbolic link, another namespace */
	if (r == 0 && as_json)
		return print_json(j);
	if (r == 0)
		print_mount(path, j);
	return r;
}

static int status_all(bool as_json)
{
	AUTO(auto_json_free) struct json *all = json_array();
	AUTO(mounts_free) struct mounts m = { 0 };
	unsigned n = 0;
	int r = mounts_read(&m), bad = 0;

	if (r < 0)
		return log_error(r, "cannot read the list of mounts");
	for (size_t i = 0; i < m.n; i++) {
		struct json *j = NULL;

		if (strcmp(m.at[i].fstype, MOUNTS_FSTYPE) != 0)
			continue;
		r = fetch(m.at[i].mountpoint, &j);
		bad = r < 0 ? r : bad;
		if (!as_json && r == 0)
			print_mount(m.at[i].mountpoint, j);
		json_append(all, r == 0 ? j : failure(m.at[i].mountpoint, r));
		n++;
	}
	if (as_json)
		r = print_json(all);
	else if (n == 0)
		puts("no mdcfs mount");
	if (n == 0 && !as_json)
		r = status_downloads(false);
	return bad < 0 ? bad : r;
}

int command_status(int argc, char **argv)
{
	static const struct option longs[] = { { "downloads", no_argument, NULL, 'd' }, { 0 } };
	bool as_json = false, downloads = false;
	struct command_common c = { .help = help, .json = &as_json };
	int o;

	while ((o = command_option(argc, argv, &c, "d", longs)) > 0)
		downloads = true;
	if (o == 0)
		return c.result;
	if (downloads)
		return optind < argc ? command_misused(argv[0], "--downloads is of no mount")
				     : status_downloads(as_json);
	if (argc - optind > 1)
		return command_misused(argv[0], "one mount point at a time");
	return optind < argc ? status_one(argv[optind], as_json) : status_all(as_json);
}
