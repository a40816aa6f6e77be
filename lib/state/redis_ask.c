/* See redis_ask.h. */
#include "redis_ask.h"

#include <stdlib.h>

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

/* GT: what others have made lasting meanwhile stays so, and no life becomes shorter. */
void redis_ask_age(struct redis_group *g, const struct redis_run *run)
{
	char room[REDIS_KEY_BYTES];
	struct attrib_str key = key_of(g, run, room);

	if (run->lasting)
		REDIS_COMMAND(&g->redis->link, ATTRIB_STR("PERSIST"), key);
	else
		REDIS_COMMAND(&g->redis->link, ATTRIB_STR("EXPIRE"), key, ttl_of(g, run),
			ATTRIB_STR("GT"));
}

void redis_ask_age_of(struct redis_group *g, const struct redis_run *run, struct attrib_str value)
{
	char room[REDIS_KEY_BYTES];

	REDIS_COMMAND(&g->redis->link, ATTRIB_STR("EVAL"), attrib_str_of(age_of), ATTRIB_STR("1"),
		key_of(g, run, room), value, ttl_of(g, run));
}

void redis_ask_ticket(struct redis_group *g)
{
	REDIS_COMMAND(&g->redis->link, ATTRIB_STR("INCR"), ATTRIB_STR(REDIS_TICKET_KEY));
}

int redis_take_ticket(struct redis_group *g)
{
	int64_t ticket;
	int err = redis_link_take_integer(&g->redis->link, &ticket);

	if (!err)
		g->ticket = (uint64_t)ticket;
	return err;
}

void redis_ask_replaced(struct redis_group *g)
{
	REDIS_COMMAND(&g->redis->link, ATTRIB_STR("GET"), ATTRIB_STR(REDIS_REPLACED_KEY));
}

int redis_take_replaced(struct redis_group *g, uint64_t *times)
{
	redisReply *reply;
	int err = redis_link_take(&g->redis->link, REDIS_NIL_OR_TEXT, &reply);

	if (err)
		return err;
	*times = reply->type == REDIS_REPLY_STRING ? strtoull(reply->str, NULL, 10) : 0;
	freeReplyObject(reply);
	return 0;
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
		redis_link_word(link, redis_id_bytes(&order->id));
	}
}

void redis_ask_set_together(struct redis_group *g, redis_which_fn *which)
{
	struct redis_link *link = &g->redis->link;
	char key[REDIS_KEY_BYTES];

	redis_link_command(link, 1 + 2 * redis_how_many(g, which));
	redis_link_word(link, ATTRIB_STR("MSETNX"));
	for (size_t i = 0; i < g->adding->run_count; i++) {
		const struct redis_run *run = &g->adding->runs[i];
		if (!which(g, run))
			continue;
		redis_link_word(link, key_of(g, run, key));
		redis_link_word(link, redis_bytes_of(g, run));
	}
}

/* How many runs from `next` on make a page of up to n that it is true of; *end: behind them. */
static size_t page_from(
	const struct redis_group *g, redis_which_fn *which, size_t n, size_t next, size_t *end)
{
	size_t found = 0;

	for (; next < g->adding->run_count && found < n; next++)
		found += which(g, &g->adding->runs[next]);
	*end = next;
	return found;
}

size_t redis_ask_page(struct redis_group *g, redis_which_fn *which, size_t n, size_t *next)
{
	struct redis_link *link = &g->redis->link;
	char key[REDIS_KEY_BYTES];
	size_t end;

	n = page_from(g, which, n, *next, &end);
	if (n == 0)
		return 0;
	redis_link_command(link, 1 + n);
	redis_link_word(link, ATTRIB_STR("MGET"));
	for (; *next < end; ++*next)
		if (which(g, &g->adding->runs[*next]))
			redis_link_word(link, key_of(g, &g->adding->runs[*next], key));
	return n;
}

/* What is given away is replaced by NULL, which is freed as nothing. */
static int give(
	struct redis_group *g, struct redis_run *run, redisReply **value, redis_value_fn *to)
{
	redisReply *text = NULL;

	if ((*value)->type == REDIS_REPLY_STRING) {
		text = *value;
		*value = NULL;
	}
	return to(g, run, text);
}

int redis_take_page(
	struct redis_group *g, redis_which_fn *which, size_t n, size_t *next, redis_value_fn *to)
{
	size_t end, given = 0;
	redisReply *page;
	int err;

	n = page_from(g, which, n, *next, &end);
	if (n == 0) {
		*next = end;
		return 0;
	}
	err = redis_link_take_values(&g->redis->link, n, &page);
	if (err)
		return err;
	for (; *next < end && !err; ++*next)
		if (which(g, &g->adding->runs[*next]))
			err = give(g, &g->adding->runs[*next], &page->element[given++], to);
	freeReplyObject(page);
	return err;
}
