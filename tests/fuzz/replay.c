/* SPDX-License-Identifier: MPL-2.0 */
/* replay.c - the main() of a fuzz target without libFuzzer: run it on files.
 *
 *   TARGET [FILE|DIRECTORY...]
 *
 * Without an argument: all of $srcdir/tests/fuzz/corpus/TARGET.  The name of each file is printed
 * before its turn, so the last one is the culprit.  Exit 0, or 99 when there was nothing to run.
 */
#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <sys/stat.h>

#include "base/file.h"
#include "fuzz.h"

#define INPUT_MAX ((size_t)16 << 20)

static unsigned done;

static int run_file(const char *path)
{
	AUTO(auto_free) char *text = NULL;
	AUTO(auto_free) void *input = NULL;
	size_t n;
	int r = file_slurp(path, INPUT_MAX, &text, &n);

	if (r < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(-r));
		return r;
	}
	printf("%s\n", path);
	fflush(stdout);
	input = fuzz_copy(text, n); /* without the NUL that file_slurp() adds */
	CHECK(LLVMFuzzerTestOneInput(input, n) == 0);
	done++;
	return 0;
}

static int visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static int run_dir(const char *path)
{
	struct dirent **list;
	int n = scandir(path, &list, visible, alphasort), r = n < 0 ? -errno : 0;

	if (r < 0)
		fprintf(stderr, "%s: %s\n", path, strerror(-r));
	for (int i = 0; i < n; i++) {
		AUTO(auto_free) char *file = path_join(path, list[i]->d_name);

		if (r == 0)
			r = file ? run_file(file) : -ENOMEM;
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return r;
}

static int run(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? run_dir(path) : run_file(path);
}

int main(int argc, char **argv)
{
	AUTO(auto_free) char *corpus = NULL;
	const char *srcdir = getenv("srcdir");
	int r = LLVMFuzzerInitialize(&argc, &argv);

	for (int i = 1; i < argc && r == 0; i++)
		r = run(argv[i]);
	if (argc < 2) {
		if (asprintf(&corpus, "%s/tests/fuzz/corpus/%s", srcdir ? srcdir : ".",
			     basename(argv[0])) < 0)
			return 99;
		r = run(corpus);
	}
	printf("%u inputs\n", done);
	return r < 0 || done == 0 ? 99 : 0;
}
