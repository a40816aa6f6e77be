/* See forward_post.h. */
#include "forward_post.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "forward_rule.h"

#define CONNECT_MS_MAX  5000
#define ANSWER_MAX      16384 /* bytes of a body that nobody reads */
#define RETRY_AFTER_MAX 3600

/* -- what libcurl asks --------------------------------------------------------------------------- */

/* Before a connection is made: to exactly this address. */
static curl_socket_t on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct attribd_post *post = arg;
	const char *class = attribd_address_class(&address->addr);

	(void)purpose;
	if (class && !post->allow_private) {
		post->refused = class;
		errno = EACCES;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* Before a request goes out: a connection may have been made for another post, that was allowed to. */
static int on_request(void *arg, char *peer, char *local, int peer_port, int local_port)
{
	struct attribd_post *post = arg;
	const char *class = attribd_address_text_class(peer);

	(void)local, (void)peer_port, (void)local_port;
	if (!class || post->allow_private)
		return CURL_PREREQFUNC_OK;
	post->refused = class;
	return CURL_PREREQFUNC_ABORT;
}

static size_t on_answer(char *bytes, size_t size, size_t n, void *arg)
{
	struct attribd_post *post = arg;

	(void)bytes;
	post->answered += size * n;
	return post->answered <= ANSWER_MAX ? size * n : 0;
}

/* -- one post ------------------------------------------------------------------------------------ */

/* False when memory is out. */
static bool add_header(struct attribd_post *post, const char *line)
{
	struct curl_slist *more = curl_slist_append(post->headers, line);

	if (more)
		post->headers = more;
	return more != NULL;
}

/* The signature and what it covers are header lines; libcurl wants them one by one. */
static bool add_headers(struct attribd_poster *poster, struct attribd_post *post,
	const struct attribd_forward_config *to, struct attrib_str webhook_id,
	struct attrib_str body)
{
	struct attrib_str rest, line;
	bool ok = add_header(post, "Content-Type: application/json") && add_header(post, "Expect:");

	attrib_buf_clear(&poster->headers);
	attrib_webhook_sign(ATTRIB_VENDOR_STANDARD, poster->keys, to->secrets, webhook_id, body,
		attribd_clock_now(), &poster->headers);
	rest = attrib_buf_view(&poster->headers);
	ok &= poster->headers.err == 0;
	while (ok && rest.n) {
		char *end = memchr(rest.p, '\r', rest.n);
		line = attrib_str_split(rest, '\n', &rest);
		*end = '\0';
		ok = add_header(post, line.p);
	}
	return ok;
}

/* Where it goes and how far it may go. */
static bool set_target(CURL *easy, const struct attribd_forward_config *to)
{
	long timeout_ms = (long)(to->timeout_us / 1000);
	bool ok = curl_easy_setopt(easy, CURLOPT_URL, to->url.p) == CURLE_OK;

	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
		timeout_ms < CONNECT_MS_MAX ? timeout_ms : CONNECT_MS_MAX);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* a name server that hangs has a thread of libcurl's own: who has run out of time leaves it alone */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	ok &= curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK;
	if (*to->ca_file) {
		ok &= curl_easy_setopt(easy, CURLOPT_CAINFO, to->ca_file) == CURLE_OK;
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
	return ok;
}

static void set_hooks(CURL *easy, struct attribd_post *post)
{
	curl_easy_setopt(easy, CURLOPT_PRIVATE, post);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, post->error);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, post);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_request);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, post);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, post);
}

static bool set_request(CURL *easy, const struct attribd_post *post, struct attrib_str body)
{
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n);
	return curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, body.p) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_USERAGENT, "attribd/" ATTRIB_VERSION) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_HTTPHEADER, post->headers) == CURLE_OK;
}

int attribd_post_start(struct attribd_poster *poster, struct attribd_post *post,
	const struct attribd_forward_config *to, struct attrib_str webhook_id,
	struct attrib_str body)
{
	*post = (struct attribd_post){.easy = curl_easy_init(), .allow_private = to->allow_private};
	if (post->easy)
		set_hooks(post->easy, post);
	if (post->easy && set_target(post->easy, to) &&
		add_headers(poster, post, to, webhook_id, body) &&
		set_request(post->easy, post, body) &&
		curl_multi_add_handle(poster->multi, post->easy) == CURLM_OK)
		return 0;
	attribd_post_end(poster, post);
	return ATTRIB_E_NOMEM;
}

void attribd_post_end(struct attribd_poster *poster, struct attribd_post *post)
{
	if (post->easy) {
		curl_multi_remove_handle(poster->multi, post->easy);
		curl_easy_cleanup(post->easy);
	}
	curl_slist_free_all(post->headers);
	post->easy = NULL;
	post->headers = NULL;
}

/* -- all of them ---------------------------------------------------------------------------------- */

void attribd_poster_run(struct attribd_poster *poster, struct attribd_bell *bell, int64_t wait_us)
{
	struct curl_waitfd ring = {.fd = bell->fd, .events = CURL_WAIT_POLLIN};
	int running;

	curl_multi_perform(poster->multi, &running);
	curl_multi_poll(poster->multi, &ring, 1, (int)((wait_us + 999) / 1000), NULL);
	attribd_bell_clear(bell);
	curl_multi_perform(poster->multi, &running);
}

/* A body that was cut for its size came behind a status that counts. */
static void judge(struct attribd_post *post, CURLcode code, struct attribd_answer *answer)
{
	curl_off_t retry_after = 0;
	long status = 0;

	curl_easy_getinfo(post->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(post->easy, CURLINFO_RETRY_AFTER, &retry_after);
	bool whole = code == CURLE_OK || (code == CURLE_WRITE_ERROR && post->answered > ANSWER_MAX);
	answer->taken = whole && status >= 200 && status < 300;
	answer->retry_after = retry_after < RETRY_AFTER_MAX ? retry_after : RETRY_AFTER_MAX;
	if (post->refused)
		snprintf(answer->why, sizeof answer->why,
			"its address is %s, and forward.private refuses that", post->refused);
	else if (whole)
		snprintf(answer->why, sizeof answer->why, "status %ld", status);
	else
		snprintf(answer->why, sizeof answer->why, "%.140s",
			*post->error ? post->error : curl_easy_strerror(code));
}

bool attribd_poster_next(struct attribd_poster *poster, struct attribd_answer *answer)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(poster->multi, &left)) != NULL) {
		if (message->msg != CURLMSG_DONE)
			continue;
		*answer = (struct attribd_answer){0};
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&answer->post);
		judge(answer->post, message->data.result, answer);
		attribd_post_end(poster, answer->post);
		return true;
	}
	return false;
}

int attribd_poster_init(struct attribd_poster *poster, const uint8_t secret[ATTRIB_SECRET_BYTES])
{
	*poster = (struct attribd_poster){0};
	attrib_buf_init(&poster->headers);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return ATTRIB_E_NOMEM;
	poster->multi = curl_multi_init();
	poster->keys = attrib_keys_new(secret);
	return poster->multi && poster->keys ? 0 : ATTRIB_E_NOMEM;
}

void attribd_poster_done(struct attribd_poster *poster)
{
	if (poster->multi) {
		curl_multi_cleanup(poster->multi);
		curl_global_cleanup();
	}
	attrib_keys_free(poster->keys);
	attrib_buf_done(&poster->headers);
}
