/* SPDX-License-Identifier: MPL-2.0 */
/* redirect.c - see redirect.h. */
#include "net/redirect.h"

#include <errno.h>
#include <strings.h>

#include "net/url.h"

bool redirect_status(int status)
{
	return (status >= 301 && status <= 303) || status == 307 || status == 308;
}

static bool is_https(const char *url)
{
	return strncasecmp(url, "https:", 6) == 0;
}

int redirect_check(const char *from, const char *to, unsigned hops)
{
	if (hops > REDIRECT_MAX)
		return -ELOOP;
	return url_is_http(to) && (is_https(to) || !is_https(from)) ? 0 : -EXDEV;
}
