/*
 * Posting signed events, many at a time, by one thread. The only files with libcurl.
 *
 * Nobody is followed to anywhere: no redirects, no proxies of the environment, http and https alone; and
 * where private addresses are refused, the address that a connection is really made to decides, whatever
 * its name said a moment ago.
 */
#ifndef ATTRIBD_FORWARD_POST_H
#define ATTRIBD_FORWARD_POST_H

#include <curl/curl.h>
#include "bell.h"
#include "config.h"

struct attribd_poster {
	CURLM *multi;              /* owned */
	struct attrib_keys *keys;  /* owned; for signing */
	struct attrib_buf headers; /* scratch */
};

/* One event on its way. At one place until it has ended. */
struct attribd_post {
	CURL *easy;                 /* owned; NULL = not on its way */
	struct curl_slist *headers; /* owned */
	bool allow_private;
	const char *refused; /* what the address is that was refused; NULL = none was */
	size_t answered;     /* bytes of the answer's body */
	char error[CURL_ERROR_SIZE];
};

struct attribd_answer {
	struct attribd_post *post;
	bool taken;          /* the receiver said so: 2xx */
	char why[160];       /* else, one line without secrets */
	int64_t retry_after; /* seconds that the receiver asked for; 0 = it did not */
};

/* Once a process, before there are threads. ATTRIB_E_NOMEM. */
int attribd_poster_init(
	struct attribd_poster *poster, const uint8_t secret[ATTRIB_SECRET_BYTES]) ATTRIB_MUST_CHECK;
void attribd_poster_done(struct attribd_poster *poster);
/* Begins; texts are copied. ATTRIB_E_NOMEM. */
int attribd_post_start(struct attribd_poster *poster, struct attribd_post *post,
	const struct attribd_forward_config *to, struct attrib_str webhook_id,
	struct attrib_str body) ATTRIB_MUST_CHECK;
/* Gives up what is on its way, or cleans up after what has ended. */
void attribd_post_end(struct attribd_poster *poster, struct attribd_post *post);
/* Does what can be done now, then waits for more, for the bell, or until the time is over. */
void attribd_poster_run(struct attribd_poster *poster, struct attribd_bell *bell, int64_t wait_us);
/* One that has ended; false when there is none. */
bool attribd_poster_next(struct attribd_poster *poster, struct attribd_answer *answer);

#endif
