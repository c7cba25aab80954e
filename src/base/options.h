/* SPDX-License-Identifier: MPL-2.0 */
/* options.h - every option of the program, one table: it makes the struct, the parser,
 * --help, --dump-options and the check of the manual.
 *
 * The same words everywhere: -o name=value, MDCFS_NAME in the environment, `name = value` in
 * the config file.  Later ones win: default, config file, environment, -o.
 */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include "base/util.h"

struct portion {
	uint64_t bytes;
	unsigned percent; /* when this is not 0, bytes is */
};

enum listing_mode { LISTING_WAIT, LISTING_PARTIAL };
enum pass_mode { PASS_DEMAND, PASS_BACKGROUND };
enum cache_mode { CACHE_FULL, CACHE_MINIMAL, CACHE_NONE };

/* X(name, TYPE, "default", "help").  TYPE: STR (owned string), FLAG (bool; "name" alone is true),
 * UINT, COUNT (1 to 1024), SIZE (bytes; K M G T suffixes, powers of 1024), PORTION (a SIZE, or a
 * percentage of something), SECS (at least 1; s, m, h, d suffixes), LISTING, PASS, CACHING. */
#define OPTIONS(X) \
	X(api_url, STR, "https://mozilladatacollective.com/api", \
	  "base URL of the Mozilla Data Collective API") \
	X(cache_dir, STR, "", "directory for blocks and indexes ($XDG_CACHE_HOME/mdcfs)") \
	X(lease_dir, STR, "", "directory for leases, one for all mounts ($XDG_STATE_HOME/mdcfs)") \
	X(quota_reserve, UINT, "0", "leave this many of the day's downloads to colleagues") \
	X(cache_size, SIZE, "10G", "keep at most this many bytes") \
	X(cache_reserve, PORTION, "5%", \
	  "leave so much free on the cache's disk: a size, or a percentage") \
	X(cache_mode, CACHING, "full", \
	  "what is kept on the disk: data too, only what is needed to find it, or nothing") \
	X(memory, SIZE, "256M", "for blocks and ranges on their way and just read") \
	X(read_ahead, SIZE, "64M", "bring at most this much ahead of one sequential reader") \
	X(connections, COUNT, "8", "parallel HTTP transfers with one server, at most") \
	X(deadline, SECS, "30", "give up a read that made no progress for so long") \
	X(stall_timeout, SECS, "30", "repeat a transfer that brought no byte for so long") \
	X(sequential, FLAG, "no", "read what a server gives without ranges in one go") \
	X(hedge, FLAG, "yes", \
	  "ask a second time where the first answer is unusually late or slow") \
	X(connect_timeout, SECS, "10", "give up connecting after so long") \
	X(metadata_ttl, SECS, "1h", "ask so often whether a dataset has a new version") \
	X(cacert, STR, "", "trust the certificates in this file, not the system's") \
	X(listing, LISTING, "wait", \
	  "an archive still being read: wait for all names, or list a part and fail") \
	X(pass, PASS, "demand", \
	  "read an archive as far as somebody waits, or on in the background") \
	X(warm, FLAG, "no", "bring everything to the cache in the background") \
	X(nested, FLAG, "no", "show archives inside archives as directories too") \
	X(automount, FLAG, "no", \
	  "mount a dataset when its slug or id is looked up (yes without a SOURCE)") \
	X(strict, FLAG, "no", "wait for unseen names that begin with a dot too") \
	X(versions, FLAG, "no", \
	  "find what a name was before a later member replaced it, as NAME.versions/1") \
	X(push, FLAG, "no", "let files below push/ of a portal be written (needs ODS_PUSH_KEY)") \
	X(receive_first, FLAG, "no", "receive files of portals whole before they are opened") \
	X(partial_ok, FLAG, "no", "serve analyses of portals that the server has cut short") \
	X(unverified, FLAG, "no", "serve members whose checksum is wrong") \
	X(encoding, STR, "", "character set of zip names without a UTF-8 mark (CP437)") \
	X(password_file, STR, "", "the first line of this file opens encrypted zip members") \
	X(uid, UINT, "", "owner of all files (the mounting user)") \
	X(gid, UINT, "", "group of all files (the mounting user's)") \
	X(allow_other, FLAG, "no", \
	  "let other users in (needs user_allow_other in /etc/fuse.conf)") \
	X(ro, FLAG, "no", "ask the kernel for a read-only mount") \
	X(debug, STR, "", \
	  "debug output: all, or a list of http lease cache store index pass fs source") \
	X(threads, COUNT, "16", "threads that answer the kernel")

typedef char *option_STR;
typedef bool option_FLAG;
typedef unsigned option_UINT;
typedef unsigned option_COUNT;
typedef uint64_t option_SIZE;
typedef struct portion option_PORTION;
typedef int64_t option_SECS;
typedef enum listing_mode option_LISTING;
typedef enum pass_mode option_PASS;
typedef enum cache_mode option_CACHING;

struct options {
#define OPTION_FIELD(name, type, def, help) option_##type name;
	OPTIONS(OPTION_FIELD)
#undef OPTION_FIELD
	char *password; /* secret: from password_file, or NULL; see env_resolve() */
	/* Secret: MDC_API_KEY, .env or `api_key` in the config file; no -o.  When none of them is
	 * there, what `mdcfs login` has kept: see env_resolve(). */
	char *api_key;
	bool api_key_given; /* one of them is there, be it empty */
	char *push_key; /* secret: ODS_PUSH_KEY, .env or `ods_push_key` in the config file */
	char *ods_key; /* secret, of portals: ODS_API_KEY, .env or `ods_api_key` in the config file; a
			* key or USER:PASSWORD */
};

/* Unset UINTs with an empty default (uid, gid) hold this. */
#define OPTION_UNSET ((unsigned)-1)

/* Defaults, then the config file ($XDG_CONFIG_HOME/mdcfs/config, else ~/.config/mdcfs/config), then
 * .env (in the working directory or the nearest parent that has one: MDC_API_KEY, MDC_API_URL and
 * MDC_DOWNLOAD_PATH only; the real environment wins over it), then the environment.
 * 0, or -EINVAL with a log line naming file, line and what is wrong. */
int options_load(struct options *o) MUST_CHECK;
/* One -o argument: "a=b,c,d=e"; "\," is a comma.  -EINVAL: unknown name or bad value (logged). */
int options_parse(struct options *o, const char *list) MUST_CHECK;
int options_set(struct options *o, const char *name, const char *value) MUST_CHECK;
void options_free(struct options *o);
/* The table for people (--help, at most 80 columns) and for scripts (one name a line). */
void options_print_help(FILE *f);
void options_print_names(FILE *f);
/* Parse one size ("10G") or duration ("5m").  0 or -EINVAL. */
int options_parse_size(const char *text, uint64_t *out) MUST_CHECK;
int options_parse_portion(const char *text, struct portion *out) MUST_CHECK; /* "10G" or "5%" */
int options_parse_secs(const char *text, int64_t *out) MUST_CHECK;

uint64_t portion_bytes(struct portion s, uint64_t of); /* of a whole of so many bytes */

#endif
