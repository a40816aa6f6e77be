/*
 * The loop of attrib-play: every line through intake, engine and memory state, as in the daemon, but
 * with the clock in the line.
 */
#include "play.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "attrib/engine.h"

#define GROUP_MAX      4096
#define PLAY_SIDES_MAX 3
#define PADDING        64 /* what the JSON reader may look at behind the end */

/* An instance: several of them share a state in Redis and a database. */
struct play_side {
	struct attrib_state *state;
	struct attrib_engine *engine;
	struct attrib_batch *batch;
	struct attrib_sink *sink; /* NDJSON on stdout, or PostgreSQL */
	struct attrib_id lane;
};

struct play {
	struct attrib_keys *keys;
	struct attrib_catalog *catalog;
	struct play_side sides[PLAY_SIDES_MAX];
	size_t side_n,
		side_max; /* how many there are now; one more with every reset, then one again */
	struct play_side *side; /* whose the next group is */
	const char *conninfo;   /* of PostgreSQL, or NULL */
	const char *redis;      /* where the state is, or NULL: in memory */
	bool forward;           /* into the outbox, too */
	struct play_sites sites;
	struct attrib_arena arena; /* of the group */
	struct attrib_buf body, payload;
	struct attrib_engine_record group[GROUP_MAX];
	size_t group_n;
	uint64_t groups;
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
	for (size_t i = 0; i < play->side_n; i++) {
		struct play_side *side = &play->sides[i];

		attrib_engine_free(side->engine);
		if (side->state)
			side->state->ops->free(side->state);
		side->engine = NULL;
		side->state = NULL;
	}
}

static void world_start(struct play *play)
{
	struct attrib_memory_options options = {.hash_seed = 1};

	if (play->redis)
		play_redis_empty(play->redis);
	for (size_t i = 0; i < play->side_n; i++) {
		struct play_side *side = &play->sides[i];

		if (play->redis)
			side->state = play_redis(play->redis);
		else
			must(attrib_state_memory_new(&options, &side->state), "state");
		must(attrib_engine_new(side->state, play->keys, play->catalog, &side->engine),
			"engine");
	}
}

/* Which of them is next follows no pattern, and is the same every time. */
static void next_side(struct play *play)
{
	play->groups++;
	play->side = &play->sides[(play->groups * 0x9e3779b97f4a7c15u >> 33) % play->side_n];
}

static void apply_group(struct play *play)
{
	if (play->group_n == 0)
		return;
	if (!play->side->engine)
		play_fail("an event before the catalog");
	must(attrib_engine_apply(
		     play->side->engine, play->group, play->group_n, false, play->side->batch),
		"apply");
	play->group_n = 0;
	attrib_arena_reset(&play->arena);
	play_copy_step(&play->copy, play->side->state, play->number);
	next_side(play);
}

/* times: the same batch again, as after a COMMIT whose answer was lost. */
static uint64_t flush_side(struct play *play, struct play_side *side, int times)
{
	struct attrib_batch_view view;
	uint64_t records;

	attrib_batch_seal(side->batch, &view);
	for (int i = 0; play->conninfo && i < times; i++)
		play_database_flush(side->sink, &view);
	if (!play->conninfo)
		must(side->sink->ops->flush(side->sink, &view, 0), "flush");
	records = view.records;
	attrib_batch_reset(side->batch);
	return records;
}

static void flush(struct play *play, int times)
{
	uint64_t records = 0;

	apply_group(play);
	for (size_t i = play->side_n; i-- > 0;) /* not in the order of their tickets */
		records += flush_side(play, &play->sides[i], times);
	printf("{\"flushed\":%llu}\n", (unsigned long long)records);
	fflush(stdout);
	play->flushed = play->number;
	play->flushed_catalog = play->catalog;
}

static void reset(struct play *play)
{
	play->group_n = 0;
	attrib_arena_reset(&play->arena);
	for (size_t i = 0; i < play->side_n; i++)
		attrib_batch_reset(play->sides[i].batch);
	world_end(play);
	play_copy_done(&play->copy);
	/* numbers go on: the sink has the lane's position */
	play->flushed = play->number;
	play->starts = 0;
	attrib_catalog_unref(play->catalog);
	play->catalog = play->flushed_catalog = NULL;
	play_sites_done(&play->sites);
	play->side_n = play->side_n % play->side_max + 1;
	next_side(play);
}

/* -- lines ---------------------------------------------------------------------------------------- */

static void redecide(struct play_side *side)
{
	bool left = true;

	while (left)
		must(attrib_engine_redecide(side->engine, 64, side->batch, &left), "redecide");
}

static void take_catalog(struct play *play, struct attrib_json json)
{
	struct attrib_catalog *old = play->catalog;
	struct play_sites sites = {0};

	apply_group(play);
	play->catalog = play_catalog(json, play->keys, &sites);
	if (!play->side->engine)
		world_start(play);
	else
		for (size_t i = 0; i < play->side_n; i++)
			must(attrib_engine_set_catalog(play->sides[i].engine, play->catalog, false),
				"catalog");
	for (size_t i = 0; i < play->side_n; i++)
		redecide(&play->sides[i]);
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
	record->lane = play->side->lane;
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
	struct play_side *side = play->side;

	if (play->redis)
		play_fail("a checkpoint of a state in Redis");
	attrib_batch_reset(side->batch);
	attrib_engine_free(side->engine);
	side->state = play_copy_load(&play->copy, side->state, play->number);
	attrib_state_memory_raise_ticket(side->state, ++play->starts << 40);
	must(attrib_engine_new(side->state, play->keys, play->catalog, &side->engine), "engine");
	attrib_engine_resume(side->engine, &copy->marks);
	for (size_t i = 0; i < copy->record_n; i++) {
		bool silent = copy->records[i].number <= play->flushed;

		if (copy->records[i].number > copy->noted || !silent)
			must(attrib_engine_apply(side->engine, &copy->records[i], 1, silent,
				     silent ? NULL : side->batch),
				"apply");
	}
	if (play->catalog == play->flushed_catalog)
		return;
	must(attrib_engine_set_catalog(side->engine, play->catalog, true), "catalog");
	redecide(side);
}

static void take_checkpoint(struct play *play, struct attrib_str how)
{
	apply_group(play);
	if (attrib_str_eq(how, ATTRIB_STR("recover")))
		recover(play);
	else
		play_copy_begin(&play->copy, play->side->engine, play->number, how);
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
	attrib_arena_init(&play->arena, 1u << 20);
	attrib_buf_init(&play->body);
	attrib_buf_init(&play->payload);
	if (!play->keys)
		play_fail("out of memory");
	for (size_t i = 0; i < play->side_max; i++) {
		struct play_side *side = &play->sides[i];

		side->lane = (struct attrib_id){{(uint8_t)(i + 1)}};
		side->batch = attrib_batch_new();
		if (!side->batch)
			play_fail("out of memory");
		if (play->conninfo)
			side->sink = play_database(play->conninfo, i);
		else
			must(attrib_sink_ndjson_new(stdout, &side->sink), "sink");
	}
	next_side(play);
}

static void play_end(struct play *play)
{
	reset(play);
	for (size_t i = 0; i < play->side_max; i++) {
		play->sides[i].sink->ops->free(play->sides[i].sink);
		attrib_batch_free(play->sides[i].batch);
	}
	attrib_keys_free(play->keys);
	attrib_arena_done(&play->arena);
	attrib_buf_done(&play->body);
	attrib_buf_done(&play->payload);
}

static void take_options(struct play *play, char **argv)
{
	play->side_n = play->side_max = 1;
	for (; *argv; argv++) {
		if (!strcmp(*argv, "--forward"))
			play->forward = true;
		else if (!strcmp(*argv, "--postgres") && argv[1])
			play->conninfo = *++argv;
		else if (!strcmp(*argv, "--redis") && argv[1])
			play->redis = *++argv;
		else if (!strcmp(*argv, "--engines") && argv[1])
			play->side_max = (size_t)atoi(*++argv);
		else
			play->side_max = 0;
	}
	if (play->side_max < 1 || play->side_max > PLAY_SIDES_MAX ||
		(play->side_max > 1 && !play->redis))
		play_fail("usage: attrib-play [--postgres CONNINFO [--forward]] [--redis URL "
			  "[--engines 1..%d]]",
			PLAY_SIDES_MAX);
}

int main(int argc, char **argv)
{
	static struct play play;
	char *text = NULL;
	size_t room = 0;
	ssize_t n;

	(void)argc;
	take_options(&play, argv + 1);
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
