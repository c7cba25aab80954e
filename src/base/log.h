/* SPDX-License-Identifier: MPL-2.0 */
/* log.h - one line per event: to stderr or syslog, and to a ring that the mount shows.
 *
 * A failure is logged once, where its detail is known, and returned in the same
 * statement: `return log_error(-EIO, "index %s", path);`.  Callers pass it up.
 * URLs go through url_redact() first; keys and tokens are never arguments.
 * Threads: any.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/util.h"

enum log_level {
	LOG_LEVEL_NONE = -1, /* for log_set_level(): nothing is printed */
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

/* Areas of debug output, chosen by -o debug=http,cache or "all". */
#define LOG_AREAS(X) X(http) X(lease) X(cache) X(store) X(index) X(pass) X(fs) X(source)
enum log_area_bit {
#define LOG_AREA_BIT(name) LOG_BIT_##name,
	LOG_AREAS(LOG_AREA_BIT)
#undef LOG_AREA_BIT
};
extern unsigned log_areas;

/* Log one line; when r < 0 the errno text is appended.  Returns r. */
int log_at(enum log_level level, int r, const char *fmt, ...) PRINTF(3, 4);

#define log_error(r, ...) log_at(LOG_LEVEL_ERROR, (r), __VA_ARGS__)
#define log_warn(r, ...) log_at(LOG_LEVEL_WARN, (r), __VA_ARGS__)
#define log_info(...) ((void)log_at(LOG_LEVEL_INFO, 0, __VA_ARGS__))
#define debug(area, ...) \
	do { \
		if (log_areas & (1u << LOG_BIT_##area)) \
			(void)log_at(LOG_LEVEL_DEBUG, 0, #area ": " __VA_ARGS__); \
	} while (0)

/* Choose the debug areas from a comma list; -EINVAL names an unknown one in the log. */
int log_set_areas(const char *list) MUST_CHECK;
/* Lines above this level are not printed (the ring keeps them up to info). */
void log_set_level(enum log_level level);
/* A progress bar is on the terminal's last line, with the cursor in it: lines take its place. */
void log_over_bar(bool on);
/* From now on lines go to syslog(3) instead of stderr: the process has left the terminal. */
void log_to_syslog(void);
/* The ring's lines, oldest first, as one malloc'd string (caller frees); NULL without memory. */
char *log_tail(void);

#endif
