/* SPDX-License-Identifier: MPL-2.0 */
/* intern.h - strings that get numbers: 0, 1, 2, ... in the order in which they come, for good.
 * Inode numbers are made of such numbers.  Threads: one owner, or under the owner's lock.
 */
#ifndef BASE_INTERN_H
#define BASE_INTERN_H

#include "base/util.h"

struct intern;

/* max: so many strings at most (up to 2^30).  0 or -ENOMEM. */
int intern_new(uint32_t max, struct intern **out) MUST_CHECK;
struct intern *intern_free(struct intern *t); /* NULL ok; returns NULL */
/* False: it has no number. */
bool intern_find(const struct intern *t, const char *text, uint32_t *out);
/* The number of text, which gets one if it has none.  0, -ENOMEM, -ENOSPC beyond max. */
int intern_add(struct intern *t, const char *text, uint32_t *out) MUST_CHECK;
/* Borrowed; stays where it is.  NULL: no such number. */
const char *intern_text(const struct intern *t, uint32_t n);
uint32_t intern_count(const struct intern *t);

#endif
