/* SPDX-License-Identifier: MPL-2.0 */
/* json.h - reading and writing JSON (cJSON's only home).  Threads: one owner per value.
 * Readers are liberal: a missing key, null and a wrong type are all "absent".
 */
#ifndef NET_JSON_H
#define NET_JSON_H

#include "base/util.h"

struct json; /* a parsed value or one under construction */

/* Parse text (NUL-terminated, nesting bounded).  0, -EBADMSG, -ENOMEM. */
int json_parse(const char *text, struct json **out) MUST_CHECK;
void json_free(struct json *j); /* NULL ok */
void auto_json_free(struct json **j);

/* Borrowed; NULL when absent.  j may be NULL. */
const char *json_str(const struct json *j, const char *key);
const struct json *json_get(const struct json *j, const char *key);
/* A whole number, or a string of digits (APIs differ).  False when absent, negative, not whole, or
 * parsed from a bare number of 2^53 or more, which is not exact. */
bool json_u64(const struct json *j, const char *key, uint64_t *out);
bool json_bool(const struct json *j, const char *key, bool fallback);
bool json_is_object(const struct json *j);
/* Walk an array: n elements, borrowed.  0 and NULL when j is not an array. */
size_t json_len(const struct json *j);
/* The text of a string, borrowed; NULL: it is none. */
const char *json_text(const struct json *j);
const struct json *json_at(const struct json *j, size_t i);

/* Build: an object; failures to allocate are remembered and reported by json_print(). */
struct json *json_object(void);
struct json *json_array(void);
void json_set_str(struct json *j, const char *key, const char *value); /* NULL value: null */
void json_set_u64(struct json *j, const char *key, uint64_t value);    /* exact, all 64 bits */
void json_set_i64(struct json *j, const char *key, int64_t value);
void json_set_bool(struct json *j, const char *key, bool value);
void json_set(struct json *j, const char *key, struct json *value);    /* takes value; NULL: null */
void json_append(struct json *array, struct json *value);              /* takes value */
/* A copy of a value (of none: NULL), for building; json_print() tells when memory was short. */
struct json *json_copy(const struct json *j);
/* The text, malloc'd (caller frees), with a newline at the end; NULL without memory. */
char *json_print(const struct json *j, bool pretty);

#endif
