/* SPDX-License-Identifier: MPL-2.0 */
/* tarlist.c - list the tar archive on standard input, one line a member (tarline.h), then
 * "end RESULT damage N".
 *
 *   tarlist [-c BYTES] [-r | -s]
 *     -c   feed so many bytes at a time (65536)
 *     -r   after each member go on with a new parser, from the saved state
 *     -s   leave out the data, as for a file that can be sought in
 */
#include <string.h>

#include "tarline.h"
#include "tarwalk.h"

static int slurp(struct buf *in)
{
	char block[65536];
	size_t n;
	int r = 0;

	while (r == 0 && (n = fread(block, 1, sizeof(block), stdin)) > 0)
		r = buf_add(in, block, n);
	return r;
}

int main(int argc, char **argv)
{
	AUTO(buf_free) struct buf in = BUF_INIT((size_t)1 << 30);
	struct tarwalk w = { TARWALK_ALL, 65536, tarline_add, BUF_INIT((size_t)1 << 30), 0 };
	int c, r;

	while ((c = getopt(argc, argv, "c:rs")) != -1) {
		if (c == '?')
			return 2;
		if (c == 'c')
			w.chunk = strtoul(optarg, NULL, 10);
		else
			w.how = c == 'r' ? TARWALK_RESUMED : TARWALK_HEADERS;
	}
	if (w.chunk == 0 || slurp(&in) < 0)
		return 2;
	r = tarwalk_run(&w, &in);
	if (w.out.len > 0)
		fputs(w.out.p, stdout);
	printf("end %s damage %" PRIu64 "\n", r == 0 ? "ok" : strerrorname_np(-r), w.damage);
	buf_free(&w.out);
	return 0;
}
