/* SPDX-License-Identifier: MPL-2.0 */
/* password.c - see password.h. */
#include "base/password.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"

void password_free(char *p)
{
	if (p)
		explicit_bzero(p, strlen(p));
	free(p);
}

static void warn_readable(const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && (st.st_mode & (S_IRGRP | S_IROTH)))
		(void)log_warn(0, "password file %s: others can read it (chmod 600)", path);
}

int password_read(const char *path, char **out)
{
	char *text, *end;
	size_t n, len;
	int r = file_slurp(path, PASSWORD_FILE_MAX, &text, &n);

	if (r < 0)
		return log_error(r, "password file %s", path);
	end = memchr(text, '\n', n);
	len = end ? (size_t)(end - text) : n;
	if (len == 0 || memchr(text, '\0', len)) {
		r = -EINVAL;
	} else {
		*out = strndup(text, len);
		r = *out ? 0 : -ENOMEM;
	}
	explicit_bzero(text, n);
	free(text);
	if (r < 0)
		return log_error(r, "password file %s: its first line is no password", path);
	warn_readable(path);
	return 0;
}
