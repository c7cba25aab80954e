/* SPDX-License-Identifier: MPL-2.0 */
/* secret.c - see secret.h. */
#include "cli/secret.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <termios.h>

/* Bytes up to a newline or the end.  Unbuffered: no copy is left in stdio's memory. */
static int read_line(char *line, size_t cap, size_t *len)
{
	size_t n = 0;
	ssize_t got;

	while (n < cap) {
		got = read(STDIN_FILENO, line + n, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0 || line[n] == '\n') {
			*len = n;
			return 0;
		}
		n++;
	}
	return -EMSGSIZE;
}

/* No echo, and a Ctrl-C that is a byte like others: nobody is left with a mute terminal. */
static int read_typed(const char *prompt, char *line, size_t cap, size_t *len)
{
	struct termios before, quiet;
	int r;

	if (tcgetattr(STDIN_FILENO, &before) < 0)
		return -errno;
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	fputs(prompt, stderr);
	fflush(stderr);
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) < 0)
		return -errno;
	r = read_line(line, cap, len);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	fputc('\n', stderr);
	return r == 0 && memchr(line, 3, *len) ? -EINTR : r;
}

int secret_read(const char *prompt, size_t max, char **out)
{
	size_t cap = max + 64, n = 0; /* room for blanks around it */
	char *line = calloc(1, cap);
	const char *p = line;
	int r;

	if (!line)
		return -ENOMEM;
	r = isatty(STDIN_FILENO) ? read_typed(prompt, line, cap, &n) : read_line(line, cap, &n);
	while (n > 0 && isspace((unsigned char)*p))
		p++, n--;
	while (n > 0 && isspace((unsigned char)p[n - 1]))
		n--;
	if (r == 0 && (n == 0 || n > max))
		r = n == 0 ? -ENODATA : -EMSGSIZE;
	if (r == 0) {
		*out = strndup(p, n);
		r = *out ? 0 : -ENOMEM;
	}
	explicit_bzero(line, cap);
	free(line);
	return r;
}
