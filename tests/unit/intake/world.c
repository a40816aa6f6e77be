#include "world.h"

int world_setup(void **state)
{
	static const struct attrib_str affiliate[] = {ATTRIB_STR("ref"), ATTRIB_STR("aff")};
	static const struct attrib_str hosts[] = {ATTRIB_STR("shop.example")};
	struct world *w = calloc(1, sizeof *w);
	struct attrib_buf problems;
	uint8_t secret[ATTRIB_SECRET_BYTES];

	attrib_buf_init(&problems);
	assert_int_equal(
		attrib_bots_parse("built in", attrib_bots_builtin, &problems, &w->bots), 0);
	attrib_buf_done(&problems);
	memset(secret, 7, sizeof secret);
	attrib_arena_init(&w->arena, 16384);
	w->keys = attrib_keys_new(secret);
	w->site = (struct attrib_site){.name = ATTRIB_STR("acme"),
		.policy = {.max_late_us = 90 * ATTRIB_US_PER_DAY,
			.window_us = {[ATTRIB_CHANNEL_LINK] = 30 * ATTRIB_US_PER_DAY},
			.currency = "EUR"}};
	w->intake_site = (struct attrib_intake_site){.site = &w->site,
		.affiliate_params = affiliate,
		.affiliate_param_count = 2,
		.own_hosts = hosts,
		.own_host_count = 1,
		.cookie_domain = ATTRIB_STR(".shop.example")};
	w->intake = (struct attrib_intake){.arena = &w->arena,
		.keys = w->keys,
		.site = &w->intake_site,
		.bots = w->bots,
		.now = NOW};
	w->link = (struct attrib_tracker){.kind = ATTRIB_TRACKER_LINK,
		.site = ATTRIB_STR("acme"),
		.key = ATTRIB_STR("Lisa-Reel"),
		.folded = ATTRIB_STR("lisa-reel"),
		.destination = ATTRIB_STR("https://shop.example/p"),
		.window_us = ATTRIB_WINDOW_INHERIT};
	w->visit = (struct attrib_visit){&w->request, ATTRIB_STR("203.0.113.9")};
	world_request(w, "");
	*state = w;
	return 0;
}

int world_teardown(void **state)
{
	struct world *w = *state;

	attrib_arena_done(&w->arena);
	attrib_keys_free(w->keys);
	attrib_bots_free(w->bots);
	free(w->body);
	free(w);
	return 0;
}

struct attrib_str pad(struct world *w, const char *bytes, size_t n)
{
	free(w->body);
	w->body = malloc(n + 64);
	memcpy(w->body, bytes, n);
	memset(w->body + n, '7', 64); /* would go on with a number */
	return (struct attrib_str){w->body, n};
}

int take_native(struct world *w, enum attrib_trust trust, const char *body)
{
	return attrib_intake_native(&w->intake, trust, ATTRIB_STR("native"), ATTRIB_BODY_JSON,
		pad(w, body, strlen(body)), &w->result);
}

int take_lines(struct world *w, const char *body)
{
	return attrib_intake_native(&w->intake, ATTRIB_TRUST_SIGNED, ATTRIB_STR("native"),
		ATTRIB_BODY_NDJSON, pad(w, body, strlen(body)), &w->result);
}

static const char body_of_noise[] =
	"[\"################################\",\"################################\","
	"\"################################\",\"################################\"]";

const struct attrib_event *one_event(struct world *w, enum attrib_trust trust, const char *body)
{
	struct attrib_intake_result result;
	int err = take_native(w, trust, body);

	if (err || w->result.reject_count)
		fail_msg("%s: %d %.*s", body, err, (int)w->result.rejects[0].message.n,
			w->result.rejects[0].message.p);
	assert_int_equal(w->result.event_count, 1);
	assert_int_equal(w->result.accepted, 1);
	assert_false(w->result.whole);
	/* nothing may point into the body or into the parser's tree, which is used again here */
	result = w->result;
	memset(w->body, '#', strlen(body));
	assert_int_equal(take_native(w, trust, body_of_noise), 0);
	w->result = result;
	return result.events;
}

const struct attrib_reject *one_reject(struct world *w, enum attrib_trust trust, const char *body)
{
	assert_int_equal(take_native(w, trust, body), 0);
	if (w->result.event_count || w->result.reject_count != 1)
		fail_msg("%s: %zu events, %zu rejects", body, w->result.event_count,
			w->result.reject_count);
	assert_int_equal(w->result.accepted, 0);
	return w->result.rejects;
}

void world_request(struct world *w, const char *query)
{
	w->request = (struct attrib_http_request){
		.method = ATTRIB_HTTP_GET, .query = attrib_str_of(query), .minor = 1};
	world_header(w, "User-Agent",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 "
		"Mobile");
}

void world_header(struct world *w, const char *name, const char *value)
{
	for (size_t i = 0; i < w->request.header_count; i++) {
		if (attrib_str_ieq(w->request.headers[i].name, attrib_str_of(name)) &&
			strcmp(name, "Cookie") != 0) {
			w->request.headers[i].value = attrib_str_of(value);
			return;
		}
	}
	w->request.headers[w->request.header_count++] =
		(struct attrib_http_header){attrib_str_of(name), attrib_str_of(value)};
}

void assert_text(struct attrib_str actual, const char *expected)
{
	if (!attrib_str_eq(actual, attrib_str_of(expected)))
		fail_msg("\"%.*s\" is not \"%s\"", (int)actual.n, actual.p, expected);
}

struct attrib_id id_of(struct world *w, enum attrib_id_domain domain, const char *text)
{
	return attrib_id_of(w->keys, domain, w->site.name, attrib_str_of(text));
}
