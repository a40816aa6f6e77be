/* See redis_ask.h. */
#include "redis_ask.h"

/* An age is told only to the value that it is meant for: another one may last for ever. */
static const char age_of[] = "if redis.call('GET',KEYS[1])~=ARGV[1] then return 0 end "
			     "return redis.call('EXPIRE',KEYS[1],ARGV[2])";

size_t redis_how_many(const struct redis_group *g, redis_which_fn *which)
{
	size_t n = 0;

	for (size_t i = 0; i < g->adding->run_count; i++)
		n += which(g, &g->adding->runs[i]);
	return n;
}

void redis_ask_each(struct redis_group *g, redis_which_fn *which, redis_ask_fn *ask)
{
	for (size_t i = 0; i < g->adding->run_count; i++)
		if (which(g, &g->adding->runs[i]))
			ask(g, &g->adding->runs[i]);
}

/* -- one entity ------------------------------------------------------------------------------------ */

static struct attrib_str key_of(
	const struct redis_group *g, const struct redis_run *run, char room[REDIS_KEY_BYTES])
{
	return redis_key(redis_entity_of(g, run), room);
}

static struct attrib_str ttl_of(const struct redis_group *g, const struct redis_run *run)
{
	return attrib_str_of(redis_is_id(g, run) ? g->redis->ids_ttl : g->redis->facts_ttl);
}

void redis_ask_set(struct redis_group *g, const struct redis_run *run)
{
	struct redis_link *link = &g->redis->link;
	char room[REDIS_KEY_BYTES];
	struct attrib_str key = key_of(g, run, room), bytes = redis_bytes_of(g, run);

	if (run->lasting)
		REDIS_COMMAND(
			link, ATTRIB_STR("SET"), key, bytes, ATTRIB_STR("NX"), ATTRIB_STR("GET"));
	else
		REDIS_COMMAND(link, ATTRIB_STR("SET"), key, bytes, ATTRIB_STR("NX"),
			ATTRIB_STR("GET"), ATTRIB_STR("EX"), ttl_of(g, run));
}

void redis_ask_get(struct redis_group *g, const struct redis_run *run)
{
	char room[REDIS_KEY_BYTES];

	REDIS_COMMAND(&g->redis->link, ATTRIB_STR("GET"), key_of(g, run, room));
}

int redis_take_set(struct redis_group *g, struct redis_run *run)
{
	redisReply *reply;
	int err = redis_link_take(&g->redis->link, REDIS_NIL_OR_TEXT, &reply);

	if (err)
		return err;
	if (reply->type == REDIS_REPLY_STRING) {
		run->before = reply;
		return 0;
	}
	run->made = run->bytes_n > 0;
	freeReplyObject(reply);
	return 0;
}

void redis_ask_append(struct redis_group *g, const struct redis_run *run)
{
	char room[REDIS_KEY_BYTES];

	REDIS_COMMAND(&g->redis->link, ATTRIB_STR("APPEND"), key_of(g, run, room),
		redis_bytes_of(g, run));
}

void redis_ask_age(struct redis_group *g, const struct redis_run *run)
{
	char room[REDIS_KEY_BYTES];
	struct attrib_str key = key_of(g, run, room);

	if (run->lasting)
		REDIS_COMMAND(&g->redis->link, ATTRIB_STR("PERSIST"), key);
	else
		REDIS_COMMAND(&g->redis->link, ATTRIB_STR("EXPIRE"), key, ttl_of(g, run));
}

void redis_ask_age_of(struct redis_group *g, const struct redis_run *run, struct attrib_str value)
{
	char room[REDIS_KEY_BYTES];

	REDIS_COMMAND(&g->redis->link, ATTRIB_STR("EVAL"), attrib_str_of(age_of), ATTRIB_STR("1"),
		key_of(g, run, room), value, ttl_of(g, run));
}

/* -- many at once ---------------------------------------------------------------------------------- */

void redis_ask_list(struct redis_group *g, redis_which_fn *which)
{
	struct redis_link *link = &g->redis->link;

	redis_link_command(link, 2 + 2 * redis_how_many(g, which));
	redis_link_word(link, ATTRIB_STR("ZADD"));
	redis_link_word(link, ATTRIB_STR(REDIS_ORDERS_KEY));
	for (size_t i = 0; i < g->adding->run_count; i++) {
		const struct attrib_entity *order = redis_entity_of(g, &g->adding->runs[i]);
		if (!which(g, &g->adding->runs[i]))
			continue;
		redis_link_number(link, (int64_t)redis_order_place(&order->id));
		redis_link_word(
			link, (struct attrib_str){(const char *)&order->id, sizeof order->id});
	}
}

static size_t page_of(size_t left)
{
	return left < REDIS_AT_ONCE ? left : REDIS_AT_ONCE;
}

void redis_ask_values(struct redis_group *g, redis_which_fn *which)
{
	struct redis_link *link = &g->redis->link;
	size_t left = redis_how_many(g, which), room = 0;
	char key[REDIS_KEY_BYTES];

	for (size_t i = 0; i < g->adding->run_count; i++) {
		const struct redis_run *run = &g->adding->runs[i];
		if (!which(g, run))
			continue;
		if (room == 0) {
			room = page_of(left);
			redis_link_command(link, 1 + room);
			redis_link_word(link, ATTRIB_STR("MGET"));
		}
		redis_link_word(link, key_of(g, run, key));
		room--;
		left--;
	}
}

size_t redis_pages(const struct redis_group *g, redis_which_fn *which)
{
	return (redis_how_many(g, which) + REDIS_AT_ONCE - 1) / REDIS_AT_ONCE;
}

int redis_give_page(struct redis_group *g, redis_which_fn *which, const redisReply *page,
	redis_value_fn *to, size_t *next)
{
	struct redis_adding *adding = g->adding;
	size_t left = 0, given = 0;
	int err = redis_link_expect(&g->redis->link, REDIS_TYPE(REDIS_REPLY_ARRAY), page);

	for (size_t i = *next; i < adding->run_count; i++)
		left += which(g, &adding->runs[i]);
	if (!err && page->elements != page_of(left))
		err = redis_link_fail(&g->redis->link, ATTRIB_E_UNAVAILABLE,
			"%zu values for %zu keys", page->elements, page_of(left));
	for (; !err && given < page->elements; ++*next) {
		if (!which(g, &adding->runs[*next]))
			continue;
		err = redis_link_expect(&g->redis->link, REDIS_NIL_OR_TEXT, page->element[given]);
		if (!err)
			err = to(g, &adding->runs[*next], &page->element[given++]);
	}
	return err;
}
