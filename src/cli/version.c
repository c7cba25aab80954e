/* SPDX-License-Identifier: MPL-2.0 */
/* version.c - mdcfs version. */
#include "base/version.h"

#include <errno.h>
#include <getopt.h>

#include "cli/command.h"

static const char help[] =
	"Usage: mdcfs version [--json]\n"
	"\n"
	"Show the version.\n"
	"\n"
	"  -j, --json   as a JSON object\n"
	"  -h, --help   show this\n";

int command_version(int argc, char **argv)
{
	static const struct option longs[] = { { "json", no_argument, NULL, 'j' },
					       { "help", no_argument, NULL, 'h' },
					       { 0 } };
	bool as_json = false;
	int c;

	while ((c = getopt_long(argc, argv, "jh", longs, NULL)) != -1) {
		if (c == 'h')
			return fputs(help, stdout) < 0 ? -EIO : 0;
		if (c != 'j')
			return command_misused(argv[0], NULL);
		as_json = true;
	}
	if (optind < argc)
		return command_misused(argv[0], "nothing is expected behind the options");
	if (as_json)
		printf("{\"version\":\"%s\",\"codecs\":\"%s\"}\n", MDCFS_VERSION, MDCFS_CODECS);
	else
		printf("mdcfs %s\ntarballs by block or frame: %s\n", MDCFS_VERSION,
		       MDCFS_CODECS[0] ? MDCFS_CODECS : "none");
	return 0;
}
