/* SPDX-License-Identifier: MPL-2.0 */
/* credentials.c - see credentials.h. */
#include "base/credentials.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/password.h"

#define FILE_MAX (1u << 20) /* bytes */

struct line {
	const char *scope, *secret;
	size_t scope_len, secret_len;
};

char *credentials_path(void)
{
	AUTO(auto_free) char *dir = path_xdg("XDG_CONFIG_HOME", ".config");

	return dir ? path_join(dir, "mdcfs/credentials") : NULL;
}

bool credentials_secret_ok(const char *secret)
{
	size_t n = strlen(secret);

	if (n == 0 || n > CREDENTIALS_SECRET_MAX || secret[0] == ' ' || secret[n - 1] == ' ')
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)secret[i] < 0x20 || secret[i] == 0x7f)
			return false;
	return true;
}

static bool scope_ok(const char *scope)
{
	size_t n = strlen(scope);

	if (n == 0 || n > CREDENTIALS_SCOPE_MAX || scope[0] == '#')
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)scope[i] <= 0x20 || scope[i] == 0x7f)
			return false;
	return true;
}

/* False: a comment, empty, or nothing of ours. */
static bool parse_line(const char *p, size_t n, struct line *out)
{
	const char *blank = memchr(p, ' ', n);

	if (n > 0 && p[n - 1] == '\r')
		n--;
	if (n == 0 || p[0] == '#' || !blank)
		return false;
	*out = (struct line){ .scope = p, .scope_len = (size_t)(blank - p) };
	while (blank < p + n && *blank == ' ')
		blank++;
	out->secret = blank;
	out->secret_len = (size_t)(p + n - blank);
	return out->secret_len > 0;
}

static bool is_of(const struct line *l, const char *scope)
{
	return strlen(scope) == l->scope_len && memcmp(l->scope, scope, l->scope_len) == 0;
}

static size_t line_len(const char *p)
{
	return strcspn(p, "\n");
}

static int check_mode(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR ? -ENOENT
							   : log_error(-errno, "%s", path);
	if (!(st.st_mode & 077))
		return 0;
	return log_error(0, "%s is not used, for others may read it: chmod 600 %s", path, path),
	       -EACCES;
}

/* The text, to be handed to password_free(). */
static int load(const char *path, char **out)
{
	int r = check_mode(path);

	if (r < 0)
		return r;
	r = file_slurp(path, FILE_MAX, out, NULL);
	return r < 0 ? log_error(r, "%s", path) : 0;
}

int credentials_get(const char *scope, char **out)
{
	AUTO(auto_free) char *path = credentials_path();
	char *text = NULL;
	int r = path ? load(path, &text) : -ENOENT;
	struct line l;

	if (r < 0)
		return r;
	r = -ENOENT;
	for (const char *p = text; *p && r == -ENOENT; p += line_len(p), p += *p == '\n') {
		if (!parse_line(p, line_len(p), &l) || !is_of(&l, scope))
			continue;
		*out = strndup(l.secret, l.secret_len);
		r = *out ? 0 : -ENOMEM;
	}
	password_free(text);
	return r;
}

/* All lines of text but those of a scope.  0; 1: there was one; -errno. */
static int copy_others(struct buf *b, const char *text, const char *scope)
{
	struct line l;
	int r = 0, found = 0;

	for (const char *p = text; *p && r == 0; p += line_len(p), p += *p == '\n') {
		if (parse_line(p, line_len(p), &l) && is_of(&l, scope))
			found = 1;
		else
			r = buf_addf(b, "%.*s\n", (int)line_len(p), p);
	}
	return r < 0 ? r : found;
}

static int replace_locked(const char *path, const char *scope, const char *secret)
{
	struct buf b = BUF_INIT(FILE_MAX);
	char *text = NULL;
	int r = load(path, &text);

	if (r == -ENOENT)
		r = 0;
	if (r == 0)
		r = copy_others(&b, text ? text : "", scope);
	if (r == 0 && !secret)
		r = -ENOENT;
	if (r >= 0 && secret)
		r = buf_addf(&b, "%s %s\n", scope, secret);
	if (r >= 0)
		r = file_replace(path, b.p ? b.p : "", b.len, 0600);
	password_free(text);
	if (b.p)
		explicit_bzero(b.p, b.cap);
	buf_free(&b);
	return r;
}

static int make_folder(const char *path)
{
	AUTO(auto_free) char *dir = strndup(path, (size_t)(strrchr(path, '/') - path));

	return dir ? dir_make(dir, 0700) : -ENOMEM;
}

int credentials_set(const char *scope, const char *secret)
{
	AUTO(auto_free) char *path = credentials_path(), *lock = NULL;
	AUTO(auto_close) int fd = -1;
	int r;

	if (!scope_ok(scope) || (secret && !credentials_secret_ok(secret)))
		return -EINVAL;
	if (!path)
		return log_error(0, "no directory for credentials: set HOME"), -ENOTDIR;
	r = make_folder(path);
	if (r == 0 && asprintf(&lock, "%s.lock", path) < 0) {
		lock = NULL;
		r = -ENOMEM;
	}
	if (r == 0)
		r = file_lock(lock, true, &fd);
	if (r == 0)
		r = replace_locked(path, scope, secret);
	return r < 0 && r != -ENOENT && r != -EACCES ? log_error(r, "%s", path) : r;
}
