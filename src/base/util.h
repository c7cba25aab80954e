/* SPDX-License-Identifier: MPL-2.0 */
/* util.h - scope-bound ownership and locking, and the few macros every file wants.
 *
 * A local that owns something says so: AUTO(auto_free) char *p.  It is released on
 * every way out of the scope; ownership leaves through steal().
 */
#ifndef BASE_UTIL_H
#define BASE_UTIL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define AUTO(fn) __attribute__((cleanup(fn)))
#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF(f, a) __attribute__((format(printf, f, a)))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))

/* Take the value out of a variable that owns it; the variable is NULL afterwards. */
#define steal(p) \
	__extension__({ \
		__typeof__(p) p_ = (p); \
		__typeof__(*p_) v_ = *p_; \
		*p_ = NULL; \
		v_; \
	})

static inline void auto_free(void *p)
{
	free(*(void **)p);
}

static inline void auto_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void auto_fclose(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void auto_unlock(pthread_mutex_t **m)
{
	if (*m)
		pthread_mutex_unlock(*m);
}

static inline pthread_mutex_t *lock_taken(pthread_mutex_t *m)
{
	pthread_mutex_lock(m);
	return m;
}

/* Hold a mutex until the end of the scope. */
#define LOCK_NAME_(line) lock_scope_##line
#define LOCK_NAME(line) LOCK_NAME_(line)
#define LOCK_SCOPE(m) \
	AUTO(auto_unlock) \
	pthread_mutex_t *LOCK_NAME(__LINE__) __attribute__((unused)) = lock_taken(m)

#endif
