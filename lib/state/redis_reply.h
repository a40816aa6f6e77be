/*
 * Reading one reply of a server within bounds. hiredis 0.14 believes what it reads: it waits for as many bytes as
 * are announced, makes room for as many elements, does not look at what ends a text, and a reply that comes byte
 * by byte never times out. Here each of those is an error.
 */
#ifndef ATTRIB_STATE_REDIS_REPLY_H
#define ATTRIB_STATE_REDIS_REPLY_H

#include <stddef.h>

#include <hiredis/hiredis.h>

/* Of one connection at a time; stays where it is while that is used. */
struct redis_guard {
	redisReplyObjectFunctions functions, hiredis;
	size_t elements;     /* announced within the reply that is being read */
	const char *problem; /* with it; NULL = none */
};

/* Puts itself before what hiredis makes replies with. */
void redis_guard_attach(struct redis_guard *guard, redisContext *context);

/* Both: REDIS_ERR: guard->problem says why, or else the context. */
/* The next reply, when all of it has been read; else NULL, and redis_guard_read goes on with it. */
int redis_guard_next(struct redis_guard *guard, redisContext *context, redisReply **reply);
/* Sends what is to be sent and reads the reply that was not there, which takes at most timeout_ms from the first wait, and
 * longer as bytes come. */
int redis_guard_read(
	struct redis_guard *guard, redisContext *context, int timeout_ms, redisReply **reply);
/* Whether something has come that no reply is wanted of. */
int redis_guard_has_more(const redisContext *context);

#endif
