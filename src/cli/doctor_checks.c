/* SPDX-License-Identifier: MPL-2.0 */
/* doctor_checks.c - see doctor_checks.h. */
#include "cli/doctor_checks.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/version.h"
#include "cli/human.h"
#include "fs/precheck.h"
#include "net/url.h"
#include "source/api.h"
#include "source/servertime.h"

#define CLOCK_WARN_S 60
#define FILES_MIN 4096

static void PRINTF(3, 4)
	tell(struct doctor_finding *f, enum doctor_state state, const char *fmt, ...)
{
	va_list ap;

	f->state = state;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
}

static void PRINTF(2, 3) advise(struct doctor_finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->advice, sizeof(f->advice), fmt, ap);
	va_end(ap);
}

/* ---- this machine ---- */

static void look_version(struct env *e, struct doctor_finding *f)
{
	struct utsname u = { 0 };

	(void)e;
	(void)uname(&u);
	tell(f, DOCTOR_OK, "mdcfs %s, libfuse %s, %.40s %.80s", MDCFS_VERSION, precheck_libfuse(),
	     u.sysname, u.release);
}

static void look_fuse(struct env *e, struct doctor_finding *f)
{
	char why[512];

	(void)e;
	if (precheck_device(why) == 0)
		tell(f, DOCTOR_OK, "/dev/fuse can be opened");
	else
		tell(f, DOCTOR_FAIL, "%s", why);
}

/* A program in PATH; only its presence counts. */
static bool is_there(const char *name)
{
	const char *path = getenv("PATH");
	AUTO(auto_free) char *dirs = strdup(path ? path : "/usr/bin:/bin");
	char *rest = dirs, *dir;

	while (rest && (dir = strsep(&rest, ":"))) {
		AUTO(auto_free) char *file = path_join(dir, name);

		if (file && access(file, X_OK) == 0)
			return true;
	}
	return false;
}

static void look_fusermount(struct env *e, struct doctor_finding *f)
{
	(void)e;
	if (is_there("fusermount3")) {
		tell(f, DOCTOR_OK, "fusermount3 is there");
	} else if (geteuid() == 0) {
		tell(f, DOCTOR_OK, "no fusermount3; root does without");
	} else {
		tell(f, DOCTOR_FAIL, "fusermount3 is not in PATH: only root can mount");
		advise(f, "install the package fuse3");
	}
}

static void look_allow_other(struct env *e, struct doctor_finding *f)
{
	if (precheck_allow_other()) {
		tell(f, DOCTOR_OK, "allow_other may be used");
		return;
	}
	tell(f, e->opt.allow_other ? DOCTOR_FAIL : DOCTOR_OK,
	     "allow_other may not be used by this user%s",
	     e->opt.allow_other ? ", and is set" : "");
	advise(f, "ask root for the line user_allow_other in /etc/fuse.conf if other users are to "
		  "be let in");
}

static void look_files(struct env *e, struct doctor_finding *f)
{
	struct rlimit l;

	(void)e;
	if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_max >= FILES_MIN) {
		tell(f, DOCTOR_OK, "enough files may be open");
		return;
	}
	tell(f, DOCTOR_WARN, "a process may have %" PRIu64 " files open", (uint64_t)l.rlim_max);
	advise(f,
	       "raise the hard limit (ulimit -Hn) to %d for many datasets or archives inside "
	       "archives",
	       FILES_MIN);
}

/* ---- where things are kept ---- */

static void look_room(struct env *e, struct doctor_finding *f)
{
	char room[32], reserve[32], limit[32];
	struct statvfs st;
	uint64_t unused, keep;
	bool holes = false;

	if (statvfs(e->cache_dir, &st) < 0) {
		tell(f, DOCTOR_FAIL, "%.300s: %s", e->cache_dir, strerror(errno));
		return;
	}
	unused = (uint64_t)st.f_bavail * st.f_frsize;
	keep = portion_bytes(e->opt.cache_reserve, (uint64_t)st.f_blocks * st.f_frsize);
	human_size(unused, room);
	human_size(keep, reserve);
	human_size(e->opt.cache_size, limit);
	if (unused <= keep) {
		tell(f, DOCTOR_WARN,
		     "%.300s: %s are free, all of it kept free by cache_reserve (%s)", e->cache_dir,
		     room, reserve);
		advise(f, "make room, or choose another disk with cache_dir=: now nothing new is "
			  "kept");
		return;
	}
	tell(f, DOCTOR_OK, "%.300s: %s are free, up to %s are used", e->cache_dir, room, limit);
	if (file_punches(e->cache_dir, &holes) == 0 && !holes) {
		f->state = DOCTOR_WARN;
		advise(f, "this file system punches no holes, so whole files make room instead of "
			  "blocks: ext4, xfs and btrfs are better for a cache");
	}
}

static void look_cache(struct env *e, struct doctor_finding *f)
{
	if (access(e->cache_dir, W_OK | X_OK) == 0) {
		look_room(e, f);
		return;
	}
	tell(f, DOCTOR_FAIL, "%.300s cannot be written: %s", e->cache_dir, strerror(errno));
	advise(f,
	       "everything read is fetched again by each mount: set cache_dir= to a directory of "
	       "yours");
}

static void look_leases(struct env *e, struct doctor_finding *f)
{
	if (e->lease_dir && access(e->lease_dir, W_OK | X_OK) == 0) {
		tell(f, DOCTOR_OK, "%.400s", e->lease_dir);
		return;
	}
	tell(f, DOCTOR_FAIL, "leases cannot be kept%s%.300s", e->lease_dir ? " in " : "",
	     e->lease_dir ? e->lease_dir : "");
	advise(f, "each mount costs a download of the day then: set lease_dir= to a directory of "
		  "yours");
}

/* ---- the service ---- */

static void look_key(struct env *e, struct doctor_finding *f)
{
	const char *key = e->opt.api_key;

	if (!key || !*key) {
		tell(f, DOCTOR_WARN,
		     "no API key: only what needs none and what is cached can be read");
		advise(f, "make a key on the profile page of the service and run mdcfs login");
	} else if (!url_may_carry_key(e->opt.api_url)) {
		tell(f, DOCTOR_FAIL, "the API key is not sent over plain http");
		advise(f, "set api_url to an https:// URL");
	} else {
		tell(f, DOCTOR_OK, "there is an API key%s",
		     e->opt.api_key_given ? "" : ", kept by mdcfs login");
	}
}

static void look_api(struct env *e, struct doctor_finding *f)
{
	AUTO(auto_free) char *base = NULL, *url = NULL, *body = NULL;
	struct api_subject subject = { .name = "health", .page = "" };
	char why[512], shown[256];

	if (api_base(&e->opt, &base, why) < 0 || asprintf(&url, "%s/health", base) < 0) {
		url = NULL;
		tell(f, DOCTOR_FAIL, "%s", why);
		return;
	}
	url_redact(base, shown, sizeof(shown));
	if (api_get(&e->src, url, &subject, 65536, &body, why) == 0) {
		tell(f, DOCTOR_OK, "%s answers", shown);
		return;
	}
	tell(f, DOCTOR_FAIL, "%s: %.250s", shown, why);
	advise(f,
	       "look at the network, the proxy (https_proxy) and api_url; what was mounted before "
	       "and is cached can be read meanwhile");
}

static void look_clock(struct env *e, struct doctor_finding *f)
{
	int64_t off;
	char text[32];

	if (!servertime_known(e->time)) {
		tell(f, DOCTOR_OK, "not compared: no answer told the time");
		return;
	}
	off = clock_now() - servertime_now(e->time);
	if (llabs(off) <= CLOCK_WARN_S) {
		tell(f, DOCTOR_OK, "as the service's");
		return;
	}
	tell(f, DOCTOR_WARN, "%s %s the service's", human_secs(llabs(off), text),
	     off > 0 ? "ahead of" : "behind");
	advise(f, "set the clock (timedatectl set-ntp true): mdcfs goes by the service's, "
		  "certificates "
		  "do not");
}

static void look_taken(struct env *e, struct doctor_finding *f)
{
	const char *key = e->opt.api_key;
	char why[512];
	int r;

	if (!key || !*key) {
		tell(f, DOCTOR_OK, "there is none to try");
		return;
	}
	r = api_check_key(&e->src, key, why);
	if (r == 0) {
		tell(f, DOCTOR_OK, "the API takes it");
		return;
	}
	tell(f, r == -EACCES ? DOCTOR_FAIL : DOCTOR_WARN, "%s", why);
	if (r == -EACCES)
		advise(f, "make a new key on the profile page of the service and run mdcfs login");
}

const struct doctor_check doctor_checks[] = {
	{ "version", false, look_version },
	{ "fuse", false, look_fuse },
	{ "fusermount3", false, look_fusermount },
	{ "allow_other", false, look_allow_other },
	{ "files", false, look_files },
	{ "cache", false, look_cache },
	{ "leases", false, look_leases },
	{ "key", false, look_key },
	{ "api", true, look_api },
	{ "clock", true, look_clock },
	{ "key taken", true, look_taken },
};
const size_t doctor_n_checks = ARRAY_SIZE(doctor_checks);
