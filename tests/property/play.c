/*
 * The loop of attrib-play: every line through intake, engine and memory state, as in the daemon, but
 * with the clock in the line.
 */
#include "play.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "attrib/engine.h"

#define GROUP_MAX 4096
#define PADDING   64 /* what the JSON reader may look at behind the end */

struct play {
	struct attrib_keys *keys;
	struct attrib_state *state;
	struct attrib_engine *engine;
	struct attrib_catalog *catalog;
	struct attrib_batch *batch;
	struct attrib_sink *sink; /* NDJSON on stdout, or PostgreSQL */
	const char *conninfo;     /* of PostgreSQL, or NULL */
	bool forward;             /* into the outbox, too */
	struct play_sites sites;
	struct attrib_arena arena; /* of the group */
	struct attrib_buf body, payload;
	struct attrib_engine_record group[GROUP_MAX];
	size_t group_n;
	uint64_t number, flushed; /* the last record: that came; that is in the sink */
	uint64_t starts;
	struct attrib_catalog *flushed_catalog; /* what decided in the sink; only compared */
	struct play_copy copy;
};

void play_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("attrib-play: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(65);
}

static void must(int err, const char *what)
{
	if (err)
		play_fail("%s: %s", what, attrib_error_text(err));
}

/* -- state and engine ----------------------------------------------------------------------------- */

static void world_end(struct play *play)
{
	attrib_engine_free(play->engine);
	if (play->state)
		play->state->ops->free(play->state);
	play->engine = NULL;
	play->state = NULL;
}

static void world_start(struct play *play)
{
	struct attrib_memory_options options = {.hash_seed = 1};

	must(attrib_state_memory_new(&options, &play->state), "state");
	must(attrib_engine_new(play->state, play->keys, play->catalog, &play->engine), "engine");
}

static void apply_group(struct play *play)
{
	if (play->group_n == 0)
		return;
	if (!play->engine)
		play_fail("an event before the catalog");
	must(attrib_engine_apply(play->engine, play->group, play->group_n, false, play->batch),
		"apply");
	play->group_n = 0;
	attrib_arena_reset(&play->arena);
	play_copy_step(&play->copy, play->state, play->number);
}

/* times: the same batch again, as after a COMMIT whose answer was lost. */
static void flush(struct play *play, int times)
{
	struct attrib_batch_view view;

	apply_group(play);
	attrib_batch_seal(play->batch, &view);
	for (int i = 0; play->conninfo && i < times; i++)
		play_database_flush(play->sink, &view);
	if (!play->conninfo)
		must(play->sink->ops->flush(play->sink, &view, 0), "flush");
	printf("{\"flushed\":%llu}\n", (unsigned long long)view.records);
	fflush(stdout);
	attrib_batch_reset(play->batch);
	play->flushed = play->number;
	play->flushed_catalog = play->catalog;
}

static void reset(struct play *play)
{
	play->group_n = 0;
	attrib_arena_reset(&play->arena);
	attrib_batch_reset(play->batch);
	world_end(play);
	play_copy_done(&play->copy);
	/* numbers go on: the sink has the lane's position */
	play->flushed = play->number;
	play->starts = 0;
	attrib_catalog_unref(play->catalog);
	play->catalog = play->flushed_catalog = NULL;
	play_sites_done(&play->sites);
}

/* -- lines ---------------------------------------------------------------------------------------- */

static void take_catalog(struct play *play, struct attrib_json json)
{
	struct attrib_catalog *old = play->catalog;
	struct play_sites sites = {0};
	bool left = true;

	apply_group(play);
	play->catalog = play_catalog(json, play->keys, &sites);
	if (!play->engine)
		world_start(play);
	else
		must(attrib_engine_set_catalog(play->engine, play->catalog, false), "catalog");
	while (left)
		must(attrib_engine_redecide(play->engine, 64, play->batch, &left), "redecide");
	attrib_catalog_unref(old);
	play_sites_done(&play->sites);
	play->sites = sites;
	for (size_t i = 0; i < sites.n; i++)
		play->sites.site[i].affiliate_params = play->sites.params[i];
	if (play->conninfo)
		play_database_sites(play->conninfo, &play->sites, play->forward);
}

static const struct attrib_intake_site *site_of(struct play *play, struct attrib_str name)
{
	for (size_t i = 0; i < play->sites.n; i++)
		if (attrib_str_eq(play->sites.site[i].site->name, name))
			return &play->sites.site[i];
	play_fail("unknown site: %.*s", (int)name.n, name.n ? name.p : "");
}

static void append(struct play *play, const struct attrib_event *event)
{
	struct attrib_engine_record *record;

	if (play->group_n == GROUP_MAX)
		apply_group(play);
	attrib_buf_clear(&play->payload);
	attrib_event_encode(event, &play->payload);
	must(play->payload.err, "encode");
	record = &play->group[play->group_n++];
	record->lane = (struct attrib_id){{1}};
	record->number = ++play->number;
	record->payload = attrib_arena_str(&play->arena, attrib_buf_view(&play->payload));
	if (!record->payload.p)
		play_fail("out of memory");
	play_copy_keep(&play->copy, record);
}

static void print_reject(struct play *play, const struct attrib_reject *reject)
{
	struct attrib_buf *line = &play->payload;

	attrib_buf_clear(line);
	attrib_buf_printf(
		line, "{\"rejected\":\"%s\",\"message\":", attrib_error_code(reject->error));
	attrib_buf_json(line, reject->message);
	attrib_buf_str(line, ATTRIB_STR("}\n"));
	must(line->err, "reject");
	fwrite(line->p, 1, line->n, stdout);
}

/* What a worker would have seen of the request: a list of names. */
static uint32_t verdicts_of(struct attrib_json json)
{
	static const struct {
		const char *name;
		uint32_t bit;
	} verdicts[] = {
		{"bot", ATTRIB_VERDICT_BOT},
		{"prefetch", ATTRIB_VERDICT_PREFETCH},
		{"head", ATTRIB_VERDICT_HEAD},
		{"own_site", ATTRIB_VERDICT_OWN_SITE},
		{"flood", ATTRIB_VERDICT_FLOOD},
		{"paid_ad", ATTRIB_VERDICT_PAID_AD},
	};
	struct attrib_json list, item;
	struct attrib_json_walk walk;
	struct attrib_str name;
	uint32_t bits = 0;

	if (!play_member(json, "verdicts", &list))
		return 0;
	attrib_json_walk(list, &walk);
	while (attrib_json_next(&walk, &name, &item)) {
		uint32_t bit = 0;

		for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++)
			if (attrib_str_eq(
				    attrib_json_string(item), attrib_str_of(verdicts[i].name)))
				bit = verdicts[i].bit;
		if (!bit)
			play_fail("unknown verdict");
		bits |= bit;
	}
	return bits;
}

static void take_event(struct play *play, struct attrib_json json, struct attrib_json event)
{
	struct attrib_str source = play_text(json, "source");
	bool is_signed = attrib_str_eq(play_text(json, "trust"), ATTRIB_STR("signed"));
	struct attrib_intake intake = {.arena = &play->arena,
		.keys = play->keys,
		.catalog = play->catalog,
		.site = site_of(play, play_text(json, "site"))};
	uint32_t verdicts = verdicts_of(json); /* intake's parser overwrites the line's tree */
	struct attrib_intake_result result;
	struct attrib_str body;

	must(attrib_time_parse(play_text(json, "received_at"), &intake.now), "received_at");
	if (!source.n)
		source = is_signed ? ATTRIB_STR("native") : ATTRIB_STR("pixel");
	source = attrib_arena_str(&play->arena, source);
	attrib_buf_clear(&play->body);
	play_json(event, &play->body);
	must(attrib_buf_reserve(&play->body, PADDING), "body");
	memset(play->body.p + play->body.n, 0, PADDING);
	body = attrib_arena_str(&play->arena,
		(struct attrib_str){(const char *)play->body.p, play->body.n + PADDING});
	if (!body.p)
		play_fail("out of memory");
	body.n -= PADDING;
	must(attrib_intake_native(&intake, is_signed ? ATTRIB_TRUST_SIGNED : ATTRIB_TRUST_STRANGER,
		     source, ATTRIB_BODY_JSON, body, &result),
		"event");
	for (size_t i = 0; i < result.reject_count; i++)
		print_reject(play, &result.rejects[i]);
	for (size_t i = 0; i < result.event_count; i++) {
		result.events[i].verdicts |= verdicts;
		append(play, &result.events[i]);
	}
}

/* The process ends here, and another one goes on with the copy: what the sink has is applied silently, the rest
 * is emitted. */
static void recover(struct play *play)
{
	const struct play_copy *copy = &play->copy;
	bool left = true;

	attrib_batch_reset(play->batch);
	attrib_engine_free(play->engine);
	play->state = play_copy_load(&play->copy, play->state, play->number);
	attrib_state_memory_raise_ticket(play->state, ++play->starts << 40);
	must(attrib_engine_new(play->state, play->keys, play->catalog, &play->engine), "engine");
	attrib_engine_resume(play->engine, &copy->marks);
	for (size_t i = 0; i < copy->record_n; i++) {
		bool silent = copy->records[i].number <= play->flushed;

		if (copy->records[i].number > copy->noted || !silent)
			must(attrib_engine_apply(play->engine, &copy->records[i], 1, silent,
				     silent ? NULL : play->batch),
				"apply");
	}
	if (play->catalog == play->flushed_catalog)
		return;
	must(attrib_engine_set_catalog(play->engine, play->catalog, true), "catalog");
	while (left)
		must(attrib_engine_redecide(play->engine, 64, play->batch, &left), "redecide");
}

static void take_checkpoint(struct play *play, struct attrib_str how)
{
	apply_group(play);
	if (attrib_str_eq(how, ATTRIB_STR("recover")))
		recover(play);
	else
		play_copy_begin(&play->copy, play->engine, play->number, how);
}

static void take_line(struct play *play, struct attrib_str text)
{
	struct attrib_json root, value;

	must(attrib_json_parse(&play->arena, text, &root), "line");
	if (play_member(root, "event", &value))
		take_event(play, root, value);
	else if (play_member(root, "group", &value))
		apply_group(play);
	else if (play_member(root, "flush", &value))
		flush(play, attrib_json_kind(value) == ATTRIB_JSON_STRING ? 2 : 1);
	else if (play_member(root, "catalog", &value))
		take_catalog(play, value);
	else if (play_member(root, "checkpoint", &value))
		take_checkpoint(play, attrib_json_string(value));
	else if (play_member(root, "reset", &value))
		reset(play);
	else
		play_fail("a line of no known form");
}

static void play_start(struct play *play)
{
	uint8_t secret[ATTRIB_SECRET_BYTES];

	memset(secret, 7, sizeof secret);
	play->keys = attrib_keys_new(secret);
	play->batch = attrib_batch_new();
	attrib_arena_init(&play->arena, 1u << 20);
	attrib_buf_init(&play->body);
	attrib_buf_init(&play->payload);
	if (!play->keys || !play->batch)
		play_fail("out of memory");
	if (play->conninfo)
		play->sink = play_database(play->conninfo);
	else
		must(attrib_sink_ndjson_new(stdout, &play->sink), "sink");
}

static void play_end(struct play *play)
{
	reset(play);
	play->sink->ops->free(play->sink);
	attrib_batch_free(play->batch);
	attrib_keys_free(play->keys);
	attrib_arena_done(&play->arena);
	attrib_buf_done(&play->body);
	attrib_buf_done(&play->payload);
}

int main(int argc, char **argv)
{
	static struct play play;
	char *text = NULL;
	size_t room = 0;
	ssize_t n;

	play.forward = argc == 4 && strcmp(argv[3], "--forward") == 0;
	if ((argc == 3 || play.forward) && strcmp(argv[1], "--postgres") == 0)
		play.conninfo = argv[2];
	else if (argc != 1)
		play_fail("usage: attrib-play [--postgres CONNINFO [--forward]]");
	play_start(&play);
	while ((n = getline(&text, &room, stdin)) > 0) {
		if (room < (size_t)n + PADDING) {
			room = (size_t)n + PADDING;
			text = realloc(text, room);
			if (!text)
				play_fail("out of memory");
		}
		memset(text + n, 0, PADDING);
		while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
			n--;
		if (n > 0)
			take_line(&play, (struct attrib_str){text, (size_t)n});
	}
	flush(&play, 1);
	play_end(&play);
	free(text);
	return 0;
}
