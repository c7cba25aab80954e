/* SPDX-License-Identifier: MPL-2.0 */
/* url.h - the little that is asked of URLs (RFC 3986), pure functions.  Threads: any. */
#ifndef NET_URL_H
#define NET_URL_H

#include "base/util.h"

/* The one printable form of a URL: no user:password@, no query, no fragment ("?..." shows that
 * there was one).  Writes to out, always terminated, and returns out. */
const char *url_redact(const char *url, char *out, size_t cap);
/* http:// or https://, with a host?  (Scheme in any case.) */
bool url_is_http(const char *url);
/* Same scheme, host and port (defaults filled in)? */
bool url_same_origin(const char *a, const char *b);
/* "scheme://host[:port]" in lower case, without the scheme's own port; malloc'd.  NULL: not http(s),
 * or no memory. */
char *url_origin(const char *url);
/* Is the host a loopback name or address: localhost, 127.0.0.0/8, [::1]? */
bool url_is_loopback(const char *url);
/* May a key be sent there: https, or http to loopback? */
bool url_may_carry_key(const char *url);
/* The last path segment, percent-decoded, malloc'd; NULL when there is none or it is not a file
 * name ("", ".", "..", with "/" or NUL in it). */
char *url_basename(const char *url);
/* Percent-encode everything but unreserved characters; malloc'd, NULL without memory. */
char *url_encode(const char *text);

#endif
