/*
 * attribd webhooks list|retry: bodies that could not be used stand in the journal as they came. After an
 * upgrade or a repair they are sent again, to the running daemon and by its own door, signed anew; what
 * was taken of them before is known by its ids and changes nothing.
 */
#include <stdio.h>
#include <string.h>

#include "attrib/journal.h"
#include "attrib/raw.h"
#include "attrib/time.h"
#include "clock.h"
#include "cmd.h"
#include "cmd_ask.h"
#include "cmd_dump.h"
#include "raw_keys.h"

#define ARENA_BLOCK 65536

struct errand {
	const struct attribd_config *config;
	const char *site; /* NULL = all */
	struct attrib_keys *keys;
	struct attrib_arena arena;
	bool retry;
	unsigned long found, taken, refused, lost;
	int failed; /* exit status; 0 = go on */
};

/* -- sending ---------------------------------------------------------------------------------------- */

static int post(struct errand *e, const struct attrib_raw *raw, const struct attrib_str *secrets,
	char *answer, const char **body)
{
	struct attrib_buf request;
	int status = 0;

	attrib_buf_init(&request);
	attrib_buf_printf(&request,
		"POST /webhooks/%s/%.*s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
		"X-Attribd-Retry: 1\r\nContent-Type: application/json\r\n"
		"Content-Length: %zu\r\n",
		attrib_vendor_name(raw->vendor), (int)raw->site.n, raw->site.p, raw->body.n);
	attrib_webhook_sign(raw->vendor, e->keys, secrets, raw->request_id, raw->body,
		attribd_clock_now(), &request);
	attrib_buf_str(&request, ATTRIB_STR("\r\n"));
	attrib_buf_str(&request, raw->body);
	if (!request.err)
		status = cmd_ask(&e->config->listen, attrib_buf_view(&request), answer, body);
	attrib_buf_done(&request);
	return status;
}

/* -- one body --------------------------------------------------------------------------------------- */

static void print(const struct attrib_raw *raw, const char *outcome, const char *more)
{
	char at[32];

	attrib_time_format(raw->received_at, at);
	printf("%.19sZ %s %.*s: %s%s\n", at, attrib_vendor_name(raw->vendor), (int)raw->site.n,
		raw->site.p, outcome, more);
}

static void send_again(struct errand *e, const struct attrib_raw *raw)
{
	static char answer[CMD_ANSWER_MAX];
	const struct attribd_site_config *site = attribd_config_site(e->config, raw->site);
	const char *body = "";
	int status;

	if (!site || !site->webhook_secrets[raw->vendor][0].n) {
		print(raw, "not sent: ",
			"the configuration has no such site, or no secret of the vendor");
		e->refused++;
		return;
	}
	status = post(e, raw, site->webhook_secrets[raw->vendor], answer, &body);
	if (status != 200) {
		cmd_complain(
			"webhooks: the daemon at %s:%u does not take it (HTTP status %d, 0 = no "
			"answer); is it running, with this configuration?",
			e->config->listen.host, e->config->listen.port, status);
		e->failed = EX_UNAVAILABLE;
	} else if (strstr(body, "\"rejected\":[]")) {
		print(raw, "taken", "");
		e->taken++;
	} else {
		print(raw, "still refused: ", body);
		e->refused++;
	}
}

static bool hear(void *arg, const struct attrib_journal_place *place)
{
	struct errand *e = arg;
	uint8_t key[ATTRIB_RAW_KEY_BYTES];
	struct attrib_raw raw;
	bool open;

	attrib_arena_reset(&e->arena);
	if (attrib_raw_read(place->payload, &raw) ||
		(e->site && !attrib_str_eq(raw.site, attrib_str_of(e->site))))
		return true;
	e->found++;
	open = attribd_raw_key_load(e->config->state_dir, raw.received_at, key) &&
	       attrib_raw_open(place->payload, key, &e->arena, &raw) == 0;
	explicit_bzero(key, sizeof key);
	if (!open) {
		print(&raw, "its key is destroyed: ", attrib_arena_str(&e->arena, raw.reason).p);
		e->lost++;
	} else if (e->retry) {
		send_again(e, &raw);
	} else {
		print(&raw, "", attrib_arena_str(&e->arena, raw.reason).p);
	}
	return !e->failed;
}

/* -- the command line ------------------------------------------------------------------------------- */

static int walk(struct errand *e)
{
	const struct attrib_journal_visit visit = {.record = hear, .arg = e};
	struct attrib_journal_range all = {.lane = ATTRIB_STR(""), .to = UINT64_MAX};
	struct attrib_journal_report report = {0};
	char dir[4096];
	int err;

	snprintf(dir, sizeof dir, "%s/journal", e->config->state_dir);
	err = attrib_journal_walk(dir, &all, &visit, &report);
	if (err)
		return cmd_journal_failed(dir, err);
	if (e->failed)
		return e->failed;
	if (e->found == 0)
		printf("no webhook waits\n");
	else if (e->retry)
		printf("%lu taken, %lu refused, %lu can't be read any more\n", e->taken, e->refused,
			e->lost);
	return fflush(stdout) ? EX_IOERR : e->refused ? EX_DATAERR : EX_OK;
}

int cmd_webhooks(const struct cmd_line *line)
{
	struct attribd_config *config;
	struct errand e = {.site = line->site};
	uint8_t fingerprint[32];
	int code;

	e.retry = strcmp(line->operands[1], "retry") == 0;
	if (!e.retry && strcmp(line->operands[1], "list") != 0) {
		cmd_complain("webhooks: expected list or retry, got \"%s\"", line->operands[1]);
		return EX_USAGE;
	}
	code = cmd_load_config(line->config, &config);
	if (code)
		return code;
	e.config = config;
	code = cmd_load_keys(config->secret_file, &e.keys, fingerprint);
	if (!code) {
		attrib_arena_init(&e.arena, ARENA_BLOCK);
		code = walk(&e);
		attrib_arena_done(&e.arena);
		attrib_keys_free(e.keys);
	}
	attribd_config_free(config);
	return code;
}
