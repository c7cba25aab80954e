/* SPDX-License-Identifier: MPL-2.0 */
/* facts.c - see facts.h. */
#include "store/facts.h"

#include <errno.h>
#include <string.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/log.h"
#include "net/json.h"

#define FACTS_MAX 4096u

/* state_dir/facts/<sha256>.json; with make the directory comes into being. */
static int facts_path(const char *state_dir, const char *scheme, const char *key, bool make,
		      char **out)
{
	AUTO(auto_free) char *dir = NULL;
	char hex[DIGEST_HEX];
	int r;

	if (!state_dir)
		return -ENOENT;
	dir = path_join(state_dir, "facts");
	r = dir ? digest_strings(hex, scheme, key, NULL) : -ENOMEM;
	if (r == 0 && make)
		r = dir_make(dir, 0700);
	if (r < 0)
		return r;
	return asprintf(out, "%s/%s.json", dir, hex) < 0 ? -ENOMEM : 0;
}

void facts_save(const char *state_dir, const char *scheme, const char *key, const struct facts *f)
{
	AUTO(auto_free) char *path = NULL;
	AUTO(auto_free) char *text = NULL;
	AUTO(auto_json_free) struct json *j = json_object();
	int r;

	json_set_u64(j, "size", f->size);
	json_set_str(j, "version", f->version);
	text = json_print(j, false);
	r = text ? facts_path(state_dir, scheme, key, true, &path) : -ENOMEM;
	if (r == 0)
		r = file_replace(path, text, strlen(text), 0600);
	if (r < 0 && state_dir)
		(void)log_warn(r, "facts about the object are not kept");
}

int facts_load(const char *state_dir, const char *scheme, const char *key, struct facts *f)
{
	AUTO(auto_free) char *path = NULL;
	AUTO(auto_free) char *text = NULL;
	AUTO(auto_json_free) struct json *j = NULL;
	const char *version;
	uint64_t size;

	if (facts_path(state_dir, scheme, key, false, &path) < 0 ||
	    file_slurp(path, FACTS_MAX, &text, NULL) < 0 || json_parse(text, &j) < 0)
		return -ENOENT;
	version = json_str(j, "version");
	if (!version || !json_u64(j, "size", &size) || strlen(version) >= sizeof(f->version))
		return -ENOENT;
	f->size = size;
	memcpy(f->version, version, strlen(version) + 1);
	return 0;
}
