/* SPDX-License-Identifier: MPL-2.0 */
/* http_headers.h - the header lines of an answer, read into a reply; private to http.c and its
 * test.  Pure functions; threads: any.
 */
#ifndef NET_HTTP_HEADERS_H
#define NET_HTTP_HEADERS_H

#include "net/http.h"

/* Forget everything: the reply is as if nothing had arrived. */
void http_headers_reset(struct http_reply *r);
/* Take one line of n bytes, with or without its line end.  A status line starts afresh, so that
 * nothing of a redirect or a 1xx stays; unknown and malformed fields are skipped.
 * now = seconds since 1970, for a Retry-After that is a date and no Date before it. */
void http_headers_line(struct http_reply *r, const char *line, size_t n, int64_t now);
/* May this text be sent as a field value (RFC 9110 5.5): not empty, no control characters? */
bool http_headers_valid(const char *value);

#endif
