/*
 * One connection to a Redis: commands are gathered, and their replies taken one by one, in their order. While more is
 * gathered what there is goes out in pieces, and what is asked between two takes goes out before one of them waits:
 * so the server works while the caller does.
 *
 * After any failure the connection is closed: what else was on its way belongs to nobody, and whoever
 * is asked next may be another server (a replica that became the master). So each new one is looked at
 * before anything is kept there.
 */
#ifndef ATTRIB_STATE_REDIS_LINK_H
#define ATTRIB_STATE_REDIS_LINK_H

#include <stddef.h>
#include <stdint.h>

#include <hiredis/hiredis.h>

#include "attrib/buf.h"
#include "attrib/master.h"
#include "attrib/state_redis.h"
#include "redis_address.h"
#include "redis_reply.h"

#define REDIS_RUN_ID 40

struct redis_link {
	struct redis_address address;
	int timeout_ms;
	struct redis_guard guard;
	char run_id[REDIS_RUN_ID + 1]; /* of the process that was last spoken to; "" = none */
	struct attrib_master master;   /* that was last looked at; of no state */
	redisContext *context;         /* owned; NULL: not connected */
	struct attrib_buf out; /* commands, of which the first `sent` bytes are on their way */
	size_t sent;
	size_t queued, owed;   /* commands that are not asked yet; replies to those that are */
	bool busy;             /* some are owed, or will be */
	uint64_t started_with; /* bytes that the empty server used */
	uint64_t commands, round_trips, connections;
	char why[ATTRIB_REDIS_WHY]; /* the last failure */
};

void redis_link_init(struct redis_link *link, const struct redis_address *address, int timeout_ms);
void redis_link_done(struct redis_link *link);

/* Connects and looks at the server, unless there is a connection. */
int redis_link_open(struct redis_link *link);
/* Both for a few questions to a server that nothing is known of. The link is to be closed also when it was not opened; that
 * puts `why` in words of the failure `err` there, "" when there was none or it has no words, and returns `err`. */
int redis_link_open_url(struct redis_link *link, const char *url, int timeout_ms);
int redis_link_close(struct redis_link *link, int err, char why[ATTRIB_REDIS_WHY]);
/* Forgets what was gathered and what is on its way. Returns err, for `why` in words. */
int redis_link_fail(struct redis_link *link, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A command of so many words, which follow. Memory that is out is told when it is sent. */
void redis_link_command(struct redis_link *link, size_t words);
void redis_link_word(struct redis_link *link, struct attrib_str word);
void redis_link_number(struct redis_link *link, int64_t number);
/* A command whose words are all at hand. */
#define REDIS_COMMAND(link, ...)                                                                   \
	redis_link_words(link, (const struct attrib_str[]){__VA_ARGS__},                           \
		sizeof((const struct attrib_str[]){__VA_ARGS__}) / sizeof(struct attrib_str))
void redis_link_words(struct redis_link *link, const struct attrib_str *words, size_t n);

/* Sends what was gathered behind the replies that were taken: another round trip begins. */
void redis_link_send(struct redis_link *link);
/* The next reply, to be freed by freeReplyObject. What was gathered is sent before it is waited for. Any type that is
 * not in `types` is a failure; an error of the server always is. */
#define REDIS_TYPE(type)  (1u << (type))
#define REDIS_NIL_OR_TEXT (REDIS_TYPE(REDIS_REPLY_NIL) | REDIS_TYPE(REDIS_REPLY_STRING))
int redis_link_take(struct redis_link *link, unsigned types, redisReply **out);
/* Likewise, what one that has to be an integer tells. */
int redis_link_take_integer(struct redis_link *link, int64_t *out);
/* Likewise, an array of exactly n, each of them text or nothing. */
int redis_link_take_values(struct redis_link *link, size_t n, redisReply **out);
/* Likewise, for replies of which nothing is wanted. */
int redis_link_skip(struct redis_link *link, unsigned types, size_t n);

static inline struct attrib_str redis_text(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_STRING ? (struct attrib_str){reply->str, reply->len}
						 : ATTRIB_STR_NONE;
}

#endif
