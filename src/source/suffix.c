/* SPDX-License-Identifier: MPL-2.0 */
/* suffix.c - see suffix.h. */
#include "source/suffix.h"

#include <string.h>
#include <strings.h>

/* A lone .gz, .xz, .bz2 or .zst is one compressed file, no archive, and is not here. */
static const char *const suffixes[] = {
	".tar",	    ".tar.gz",	".tgz",	    ".taz",	 ".tar.z",    ".tar.xz",   ".txz",
	".tar.bz2", ".tbz2",	".tbz",	    ".tar.zst",	 ".tzst",     ".tar.lz",   ".tar.lzma",
	".tlz",	    ".tar.lz4", ".tar.lzo", ".zip",	 ".zipx",     ".jar",	   ".war",
	".whl",	    ".apk",	".cbz",	    ".7z",	 ".cb7",      ".rar",	   ".cbr",
	".cpio",    ".cpio.gz", ".cpio.xz", ".cpio.zst", ".cpio.bz2", ".cpio.lz4", ".iso",
	".cab",	    ".deb",	".rpm",	    ".ar",	 ".xar",      ".lha",	   ".lzh",
	".warc",    ".warc.gz"
};

size_t suffix_len_of(const char *name, size_t n)
{
	size_t best = 0;

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		size_t s = strlen(suffixes[i]);

		if (s < n && s > best && name[n - s] == '.' &&
		    strncasecmp(name + n - s, suffixes[i], s) == 0)
			best = s;
	}
	return best;
}

size_t suffix_len(const char *filename)
{
	return suffix_len_of(filename, strlen(filename));
}
