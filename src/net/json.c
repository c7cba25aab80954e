/* SPDX-License-Identifier: MPL-2.0 */
/* json.c - see json.h.
 * A struct json is a cJSON in disguise.  What is under construction and lost something for want
 * of memory has LOST in valueint, which objects and arrays do not use; json_print() looks for it.
 */
#include "net/json.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define MAX_DEPTH 100                 /* cJSON recurses */
#define MAX_EXACT 9007199254740992.0 /* 2^53: every whole double below is exact */
#define LOST (-1)

/* Stands for a value that could not be allocated.  Never written to, never freed. */
static cJSON lost_value = { .type = cJSON_Object, .valueint = LOST };

static cJSON *item_of(struct json *j)
{
	return (cJSON *)(void *)j;
}

static const cJSON *const_item(const struct json *j)
{
	return (const cJSON *)(const void *)j;
}

static struct json *json_of(cJSON *item)
{
	return (struct json *)(void *)item;
}

static const struct json *const_json(const cJSON *item)
{
	return (const struct json *)(const void *)item;
}

/* Brackets outside strings; whether they match is the parser's business. */
static bool too_deep(const char *p)
{
	bool quoted = false;
	int depth = 0;

	for (; *p; p++) {
		if (quoted && *p == '\\' && p[1])
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (!quoted && (*p == '{' || *p == '['))
			depth++;
		else if (!quoted && (*p == '}' || *p == ']'))
			depth--;
		if (depth > MAX_DEPTH)
			return true;
	}
	return false;
}

int json_parse(const char *text, struct json **out)
{
	cJSON *item;

	if (too_deep(text))
		return -EBADMSG;
	errno = 0; /* malloc() tells by it that memory, not the text, was at fault */
	item = cJSON_ParseWithOpts(text, NULL, true);
	if (!item)
		return errno == ENOMEM ? -ENOMEM : -EBADMSG;
	*out = json_of(item);
	return 0;
}

void json_free(struct json *j)
{
	if (item_of(j) != &lost_value)
		cJSON_Delete(item_of(j));
}

void auto_json_free(struct json **j)
{
	json_free(*j);
}

static const cJSON *member(const struct json *j, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(const_item(j), key);

	return cJSON_IsNull(item) ? NULL : item;
}

const char *json_str(const struct json *j, const char *key)
{
	const cJSON *item = member(j, key);

	return cJSON_IsString(item) ? item->valuestring : NULL;
}

const struct json *json_get(const struct json *j, const char *key)
{
	return const_json(member(j, key));
}

/* One digit or more and nothing else, that fits. */
static bool parse_digits(const char *s, uint64_t *out)
{
	uint64_t n = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || __builtin_mul_overflow(n, (uint64_t)10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*s - '0'), &n))
			return false;
	}
	*out = n;
	return true;
}

bool json_u64(const struct json *j, const char *key, uint64_t *out)
{
	const cJSON *item = member(j, key);

	if (cJSON_IsString(item) || cJSON_IsRaw(item))
		return parse_digits(item->valuestring, out);
	/* Above 2^53 a parsed number may have been rounded: no answer is better than a wrong one. */
	if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble < MAX_EXACT) ||
	    (double)(uint64_t)item->valuedouble < item->valuedouble)
		return false;
	*out = (uint64_t)item->valuedouble;
	return true;
}

bool json_bool(const struct json *j, const char *key, bool fallback)
{
	const cJSON *item = member(j, key);

	return cJSON_IsBool(item) ? cJSON_IsTrue(item) : fallback;
}

bool json_is_object(const struct json *j)
{
	return cJSON_IsObject(const_item(j));
}

size_t json_len(const struct json *j)
{
	return cJSON_IsArray(const_item(j)) ? (size_t)cJSON_GetArraySize(const_item(j)) : 0;
}

const struct json *json_at(const struct json *j, size_t i)
{
	const cJSON *item = NULL;

	if (cJSON_IsArray(const_item(j)))
		for (item = const_item(j)->child; item && i > 0; i--)
			item = item->next;
	return const_json(item);
}

const char *json_text(const struct json *j)
{
	return cJSON_IsString(const_item(j)) ? const_item(j)->valuestring : NULL;
}

struct json *json_copy(const struct json *j)
{
	cJSON *item = j ? cJSON_Duplicate(const_item(j), true) : NULL;

	return j && !item ? json_of(&lost_value) : json_of(item);
}

struct json *json_object(void)
{
	cJSON *item = cJSON_CreateObject();

	return json_of(item ? item : &lost_value);
}

struct json *json_array(void)
{
	cJSON *item = cJSON_CreateArray();

	return json_of(item ? item : &lost_value);
}

/* Put item, which is ours now and NULL without memory, under key; an older one goes. */
static void put(struct json *j, const char *key, cJSON *item)
{
	cJSON *object = item_of(j);

	if (object && object != &lost_value && item && item != &lost_value) {
		cJSON_DeleteItemFromObjectCaseSensitive(object, key);
		if (cJSON_AddItemToObject(object, key, item))
			return;
	}
	if (object && object != &lost_value)
		object->valueint = LOST;
	json_free(json_of(item));
}

/* Is every byte of s part of a UTF-8 sequence (RFC 3629)?  If not, *len bytes were. */
static bool utf8_prefix(const char *s, size_t *len)
{
	const unsigned char *p = (const unsigned char *)s;

	while (*p) {
		unsigned more = *p < 0x80 ? 0 : *p < 0xc2 ? 9 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 :
			*p < 0xf5 ? 3 : 9;

		/* Overlong forms, surrogates and what lies above U+10FFFF. */
		if (more == 9 || (*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) ||
		    (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))
			break;
		for (unsigned i = 1; i <= more; i++)
			if ((p[i] & 0xc0) != 0x80)
				goto out;
		p += more + 1;
	}
out:
	*len = (size_t)(p - (const unsigned char *)s);
	return *p == '\0';
}

void json_set_str(struct json *j, const char *key, const char *value)
{
	AUTO(auto_free) char *copy = NULL;
	size_t n;

	if (value && !utf8_prefix(value, &n)) {
		/* Names are bytes, JSON is UTF-8: what is no text is shown as '?'. */
		copy = strdup(value);
		for (char *p = copy; p && !utf8_prefix(p, &n); p += n + 1)
			p[n] = '?';
		put(j, key, copy ? cJSON_CreateString(copy) : NULL);
		return;
	}
	put(j, key, value ? cJSON_CreateString(value) : cJSON_CreateNull());
}

void json_set_u64(struct json *j, const char *key, uint64_t value)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%" PRIu64, value);
	put(j, key, cJSON_CreateRaw(digits));
}

void json_set_i64(struct json *j, const char *key, int64_t value)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%" PRId64, value);
	put(j, key, cJSON_CreateRaw(digits));
}

void json_set_bool(struct json *j, const char *key, bool value)
{
	put(j, key, cJSON_CreateBool(value));
}

void json_set(struct json *j, const char *key, struct json *value)
{
	put(j, key, value ? item_of(value) : cJSON_CreateNull());
}

void json_append(struct json *array, struct json *value)
{
	cJSON *list = item_of(array), *item = value ? item_of(value) : cJSON_CreateNull();

	if (list && list != &lost_value) {
		if (item && item != &lost_value && cJSON_AddItemToArray(list, item))
			return;
		list->valueint = LOST;
	}
	json_free(json_of(item));
}

static bool lost_something(const cJSON *item)
{
	if (!cJSON_IsObject(item) && !cJSON_IsArray(item))
		return false;
	if (item->valueint == LOST)
		return true;
	for (const cJSON *c = item->child; c; c = c->next)
		if (lost_something(c))
			return true;
	return false;
}

char *json_print(const struct json *j, bool pretty)
{
	const cJSON *item = const_item(j);
	char *text = NULL, *more;
	size_t n;

	if (item && !lost_something(item))
		text = pretty ? cJSON_Print(item) : cJSON_PrintUnformatted(item);
	if (!text)
		return NULL;
	n = strlen(text);
	more = realloc(text, n + 2); /* cJSON's allocator is malloc() unless somebody changes it */
	if (!more) {
		free(text);
		return NULL;
	}
	memcpy(more + n, "\n", 2);
	return more;
}
