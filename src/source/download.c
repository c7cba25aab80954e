/* SPDX-License-Identifier: MPL-2.0 */
/* download.c - see download.h. */
#include "source/download.h"

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/file.h"
#include "base/log.h"
#include "net/json.h"

#define PIECE (1u << 20) /* bytes hashed at once */
#define NOTE_MAX 4096u
#define IOPRIO_THREAD 1
#define IOPRIO_IDLE (3 << 13)

/* ---- where ---- */

/* Is this path below a mount of ours?  Looking there could wait for ourselves. */
static bool is_on_mount(const char *path)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	struct mntent m;
	char line[4096 + 512];
	bool found = false;

	if (!f)
		return false;
	while (!found && getmntent_r(f, &m, line, sizeof(line))) {
		size_t n = strlen(m.mnt_dir);

		found = strcmp(m.mnt_type, "fuse.mdcfs") == 0 && strncmp(path, m.mnt_dir, n) == 0 &&
			(path[n] == '/' || path[n] == '\0');
	}
	endmntent(f);
	return found;
}

/* malloc'd; NULL when it cannot be told. */
static char *download_dir(void)
{
	const char *dir = getenv("MDC_DOWNLOAD_PATH"), *home = getenv("HOME");

	if (dir && dir[0] && strcmp(dir, "~") != 0 && strncmp(dir, "~/", 2) != 0)
		return strdup(dir);
	if (!home || !home[0])
		return NULL;
	return path_join(home, dir && dir[0] ? dir + strspn(dir, "~/") : ".mozdata/datasets");
}

/* ---- what was found out about it ---- */

/* The file in state_dir; make: its directory comes into being.  NULL: nothing is kept. */
static char *note_path(const char *state_dir, const char *path, bool make)
{
	AUTO(auto_free) char *dir = state_dir ? path_join(state_dir, "downloads") : NULL;
	char hex[DIGEST_HEX];
	char *note;

	if (!dir || digest_strings(hex, path, NULL) < 0 || (make && dir_make(dir, 0700) < 0))
		return NULL;
	return asprintf(&note, "%s/%s.json", dir, hex) < 0 ? NULL : note;
}

/* Of which state of the file the note is: another one has another text. */
static void describe(const struct stat *st, char out[static 128])
{
	snprintf(out, 128, "%llu %lld.%09ld %llu", (unsigned long long)st->st_size,
		 (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
		 (unsigned long long)st->st_ino);
}

/* The SHA-256 that the file was found to have; false: not known. */
static bool recall(const char *state_dir, const char *path, const struct stat *st,
		   char sum[static DIGEST_HEX])
{
	AUTO(auto_free) char *note = note_path(state_dir, path, false);
	AUTO(auto_free) char *text = NULL;
	AUTO(auto_json_free) struct json *j = NULL;
	const char *file, *found;
	char now[128];

	if (!note || file_slurp(note, NOTE_MAX, &text, NULL) < 0 || json_parse(text, &j) < 0)
		return false;
	file = json_str(j, "file");
	found = json_str(j, "sha256");
	describe(st, now);
	if (!file || !found || strcmp(file, now) != 0 || strlen(found) != DIGEST_HEX - 1)
		return false;
	memcpy(sum, found, DIGEST_HEX);
	return true;
}

static void remember(const char *state_dir, const char *path, const struct stat *st,
		     const char *sum)
{
	AUTO(auto_free) char *note = note_path(state_dir, path, true);
	AUTO(auto_free) char *text = NULL;
	AUTO(auto_json_free) struct json *j = json_object();
	char now[128];
	int r;

	describe(st, now);
	json_set_str(j, "path", path);
	json_set_str(j, "file", now);
	json_set_str(j, "sha256", sum);
	text = json_print(j, false);
	r = note && text ? file_replace(note, text, strlen(text), 0600) : -ENOENT;
	if (r < 0)
		(void)log_warn(r, "%s: its SHA-256 cannot be kept", path);
}

char *download_find(const struct dataset *d, const char *state_dir)
{
	AUTO(auto_free) char *dir = download_dir(), *path = NULL;
	char sum[DIGEST_HEX];
	struct stat st;

	if (!d->has_size || !dir || is_on_mount(dir))
		return NULL;
	path = path_join(dir, d->filename);
	if (!path || stat(path, &st) < 0 || !S_ISREG(st.st_mode) ||
	    (uint64_t)st.st_size != d->size || access(path, R_OK) < 0)
		return NULL;
	if (d->checksum[0] && recall(state_dir, path, &st, sum) && strcmp(sum, d->checksum) != 0) {
		(void)log_warn(0, "%s: the download %s has another SHA-256 and is not used",
			       d->slug, path);
		return NULL;
	}
	log_info("%s: the finished download %s is used", d->slug, path);
	return steal(&path);
}

/* ---- hashing ---- */

/* This thread gives way to everybody, at the processor and at the disk. */
static void give_way(void)
{
	(void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 19);
	(void)syscall(SYS_ioprio_set, IOPRIO_THREAD, 0, IOPRIO_IDLE);
}

static int hash(int fd, uint64_t size, const _Atomic bool *stop, char sum[static DIGEST_HEX])
{
	AUTO(auto_free) char *buf = malloc(PIECE);
	struct digest *d = buf ? digest_new() : NULL;
	int r = d ? 0 : -ENOMEM;

	for (uint64_t off = 0; r == 0 && off < size; off += PIECE) {
		size_t n = (size_t)MIN(size - off, PIECE);

		r = atomic_load(stop) ? -ECANCELED : file_read_at(fd, buf, n, off);
		if (r < 0)
			break;
		digest_add(d, buf, n);
		/* What readers need they have asked for: it shall not push that out. */
		(void)posix_fadvise(fd, (off_t)off, (off_t)n, POSIX_FADV_DONTNEED);
	}
	if (r == 0)
		digest_end(d, sum);
	else
		digest_free(d);
	return r;
}

static bool same(const struct stat *a, const struct stat *b)
{
	char one[128], other[128];

	describe(a, one);
	describe(b, other);
	return strcmp(one, other) == 0;
}

int download_verify(const char *path, const struct dataset *d, const char *state_dir,
		    const _Atomic bool *stop)
{
	AUTO(auto_close) int fd = -1;
	char sum[DIGEST_HEX];
	struct stat before, after;
	int r;

	if (!d->checksum[0] || !state_dir)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &before) < 0)
		return log_warn(-errno, "%s: cannot be read", path);
	if (recall(state_dir, path, &before, sum))
		return strcmp(sum, d->checksum) == 0 ? 0 : -ESTALE;
	give_way();
	r = hash(fd, (uint64_t)before.st_size, stop, sum);
	if (r == -ECANCELED)
		return r;
	if (fstat(fd, &after) < 0 || !same(&before, &after))
		return -EAGAIN;
	if (r < 0)
		return log_warn(r, "%s: cannot be read", path);
	remember(state_dir, path, &before, sum);
	if (strcmp(sum, d->checksum) == 0) {
		log_info("%s: SHA-256 verified", path);
		return 0;
	}
	return log_warn(-ESTALE,
			"%s: its SHA-256 is not the one that the API announces: this download is "
			"not used any more",
			path);
}
