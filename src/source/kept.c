/* SPDX-License-Identifier: MPL-2.0 */
/* kept.c - see kept.h. */
#include "source/kept.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

#define KEPT_MAX (4u << 20)

char *kept_path(const struct source_env *env, const char *api, const char *id, const char *what)
{
	AUTO(auto_free) char *dir = env->state_dir ? path_join(env->state_dir, "details") : NULL;
	char hex[DIGEST_HEX];
	char *path;
	int r = dir ? dir_make(dir, 0700) : -ENOENT;

	if (dir && r < 0)
		(void)log_warn(r, "details cannot be kept below %s", env->state_dir);
	if (r < 0 || digest_strings(hex, api, id, what, NULL) < 0)
		return NULL;
	return asprintf(&path, "%s/%s.json", dir, hex) < 0 ? NULL : path;
}

int kept_read(const char *path, int64_t max_age_s, char **text)
{
	struct stat st;
	int64_t age;

	if (!path || stat(path, &st) < 0)
		return -ENOENT;
	age = clock_now() - st.st_mtim.tv_sec;
	if (max_age_s >= 0 && (age < 0 || age > max_age_s))
		return -ENOENT;
	return file_slurp(path, KEPT_MAX, text, NULL) < 0 ? -ENOENT : 0;
}

void kept_write(const char *path, const char *text)
{
	int r;

	if (!path)
		return;
	text = text ? text : "";
	r = file_replace(path, text, strlen(text), 0600);
	if (r < 0)
		(void)log_warn(r, "%s: an answer of the API cannot be kept", path);
}
