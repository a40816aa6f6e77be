/*
 * Reading replies within bounds.
 */
#include "redis_reply.h"

#include <stdint.h>
#include <time.h>

#include "attrib/time.h"

#define LONGEST ((size_t)64 << 20) /* bytes of one text: above what the caps let an entity become */
#define ELEMENTS_MAX                                                                               \
	((size_t)1 << 20) /* of one reply with all within it: a thousand times what is asked for */
#define SLOWEST 100       /* bytes in a millisecond */

static void *make_array(const redisReadTask *task, int n)
{
	struct redis_guard *guard = task->privdata;

	guard->elements += (size_t)n;
	if (guard->elements > ELEMENTS_MAX) {
		guard->problem = "more elements than anybody asked for";
		return NULL;
	}
	return guard->hiredis.createArray(task, n);
}

/* hiredis has seen as many bytes as were announced, and two more. */
static void *make_string(const redisReadTask *task, char *text, size_t n)
{
	struct redis_guard *guard = task->privdata;

	if (text[n] != '\r' || text[n + 1] != '\n') {
		guard->problem = "a text that is not as long as announced";
		return NULL;
	}
	return guard->hiredis.createString(task, text, n);
}

void redis_guard_attach(struct redis_guard *guard, redisContext *context)
{
	guard->hiredis = *context->reader->fn;
	guard->functions = guard->hiredis;
	guard->functions.createArray = make_array;
	guard->functions.createString = make_string;
	context->reader->fn = &guard->functions;
	context->reader->privdata = guard;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int check(struct redis_guard *guard, const redisReader *reader, int64_t until_ms)
{
	if (reader->len - reader->pos > LONGEST)
		guard->problem = "a longer text than any that is kept there";
	else if (now_ms() > until_ms)
		guard->problem = "its answer does not come to an end";
	return guard->problem ? REDIS_ERR : REDIS_OK;
}

static int parse(redisContext *context, redisReply **out)
{
	void *reply = NULL;
	int err = redisGetReplyFromReader(context, &reply);

	*out = reply;
	return err;
}

int redis_guard_next(struct redis_guard *guard, redisContext *context, redisReply **reply)
{
	guard->elements = 0;
	return parse(context, reply);
}

int redis_guard_read(
	struct redis_guard *guard, redisContext *context, int timeout_ms, redisReply **reply)
{
	const redisReader *reader = context->reader;
	int64_t until_ms = now_ms() + timeout_ms;
	int err = 0, sent = 0;

	*reply = NULL;
	while (!err && !*reply) {
		size_t had = reader->len;
		err = sent ? redisBufferRead(context) : redisBufferWrite(context, &sent);
		until_ms += reader->len > had ? (int64_t)(reader->len - had) / SLOWEST : 0;
		if (!err)
			err = parse(context, reply);
		if (!err && !*reply)
			err = check(guard, reader, until_ms);
	}
	return err;
}

int redis_guard_has_more(const redisContext *context)
{
	return context->reader->pos < context->reader->len;
}
