/*
 * Connecting, and what a server's errors mean. hiredis is asked for sockets and for reading replies; commands are
 * written here, a whole pipeline into one buffer.
 */
#include "redis_info.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "attrib/error.h"

#define PIECE 16384 /* bytes: what the server reads at once */

void redis_link_init(struct redis_link *link, const struct redis_address *address, int timeout_ms)
{
	*link = (struct redis_link){.address = *address, .timeout_ms = timeout_ms};
	attrib_buf_init(&link->out);
}

static void hang_up(struct redis_link *link)
{
	if (link->context)
		redisFree(link->context);
	link->context = NULL;
	attrib_buf_clear(&link->out);
	link->sent = link->queued = link->owed = 0;
	link->busy = false;
}

void redis_link_done(struct redis_link *link)
{
	hang_up(link);
	attrib_buf_done(&link->out);
}

int redis_link_fail(struct redis_link *link, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(link->why, sizeof link->why, format, args);
	va_end(args);
	hang_up(link);
	return err;
}

/* -- commands and replies ------------------------------------------------------------------------ */

/* "$12\r\n": some six of these make a command, and printf would take longer than all the rest of it. */
static void put_length(struct redis_link *link, char sign, size_t n)
{
	char text[24], *p = text + sizeof text;

	*--p = '\n';
	*--p = '\r';
	do
		*--p = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	*--p = sign;
	attrib_buf_put(&link->out, p, (size_t)(text + sizeof text - p));
}

static void count_asked(struct redis_link *link)
{
	link->commands += link->queued;
	link->owed += link->queued;
	link->queued = 0;
	link->round_trips += !link->busy;
	link->busy = true;
}

/* Sends what the socket takes at once. What goes wrong here does so again when the rest is sent. */
static void push(struct redis_link *link)
{
	size_t left = link->out.n - link->sent;
	ssize_t n = send(
		link->context->fd, link->out.p + link->sent, left, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n <= 0)
		return;
	count_asked(link);
	link->sent += (size_t)n;
	if (link->sent < link->out.n)
		return;
	attrib_buf_clear(&link->out);
	link->sent = 0;
}

void redis_link_command(struct redis_link *link, size_t words)
{
	if (link->context && !link->out.err && link->out.n - link->sent >= PIECE)
		push(link);
	put_length(link, '*', words);
	link->queued++;
}

void redis_link_word(struct redis_link *link, struct attrib_str word)
{
	put_length(link, '$', word.n);
	attrib_buf_put(&link->out, word.p, word.n);
	attrib_buf_put(&link->out, "\r\n", 2);
}

void redis_link_number(struct redis_link *link, int64_t number)
{
	char text[24];

	snprintf(text, sizeof text, "%lld", (long long)number);
	redis_link_word(link, attrib_str_of(text));
}

void redis_link_words(struct redis_link *link, const struct attrib_str *words, size_t n)
{
	redis_link_command(link, n);
	for (size_t i = 0; i < n; i++)
		redis_link_word(link, words[i]);
}

/* What hiredis could not do. It keeps errno, and a text of its own. */
static int broken(struct redis_link *link)
{
	const redisContext *context = link->context;
	char text[128];

	if (link->guard.problem)
		return redis_link_fail(
			link, ATTRIB_E_UNAVAILABLE, "the server's answer: %s", link->guard.problem);
	if (context->err == REDIS_ERR_OOM)
		return redis_link_fail(link, ATTRIB_E_NOMEM, "out of memory");
	if (context->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK))
		return redis_link_fail(
			link, ATTRIB_E_UNAVAILABLE, "no answer within %d ms", link->timeout_ms);
	snprintf(text, sizeof text, "%s", context->errstr);
	return redis_link_fail(link, ATTRIB_E_UNAVAILABLE, "%s", text);
}

/* The server's own errors begin with a word. */
static int refused(struct redis_link *link, const redisReply *reply)
{
	static const struct {
		const char *word;
		int err;
	} known[] = {
		{"NOAUTH", ATTRIB_E_UNAUTHORIZED},
		{"WRONGPASS", ATTRIB_E_UNAUTHORIZED},
		{"NOPERM", ATTRIB_E_UNAUTHORIZED},
		{"WRONGTYPE", ATTRIB_E_CONFIG}, /* somebody else's keys */
		{"CROSSSLOT", ATTRIB_E_CONFIG},
		{"MOVED", ATTRIB_E_CONFIG},
	};
	int err = ATTRIB_E_UNAVAILABLE; /* READONLY, OOM, LOADING, BUSY, MISCONF, ... */

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!strncmp(reply->str, known[i].word, strlen(known[i].word)))
			err = known[i].err;
	return redis_link_fail(link, err, "the server says: %.300s", reply->str);
}

static int expect(struct redis_link *link, unsigned types, const redisReply *reply)
{
	if (types & REDIS_TYPE(reply->type))
		return 0;
	if (reply->type == REDIS_REPLY_ERROR)
		return refused(link, reply);
	return redis_link_fail(link, ATTRIB_E_UNAVAILABLE,
		"an answer of type %d is none to what was asked", reply->type);
}

void redis_link_send(struct redis_link *link)
{
	link->round_trips += link->busy;
	if (!link->out.err && link->out.n)
		push(link);
}

static int hand_over(struct redis_link *link)
{
	if (link->out.err)
		return redis_link_fail(link, ATTRIB_E_NOMEM, "out of memory");
	if (redisAppendFormattedCommand(link->context, (const char *)link->out.p + link->sent,
		    link->out.n - link->sent) != REDIS_OK)
		return broken(link);
	count_asked(link);
	attrib_buf_clear(&link->out);
	link->sent = 0;
	return 0;
}

/* It may have come with those before it. */
static int read_reply(struct redis_link *link, redisReply **reply)
{
	int err = 0;

	if (redis_guard_next(&link->guard, link->context, reply) != REDIS_OK)
		return broken(link);
	if (!*reply && link->out.n)
		err = hand_over(link);
	if (!err && !*reply &&
		redis_guard_read(&link->guard, link->context, link->timeout_ms, reply) != REDIS_OK)
		err = broken(link);
	return err;
}

int redis_link_take(struct redis_link *link, unsigned types, redisReply **out)
{
	redisReply *reply;
	int err = link->owed ? 0 : hand_over(link);

	if (!err)
		err = read_reply(link, &reply);
	if (err)
		return err;
	link->owed--;
	link->busy = link->owed || link->queued;
	err = expect(link, types, reply);
	if (!err && !link->owed && redis_guard_has_more(link->context))
		err = redis_link_fail(
			link, ATTRIB_E_UNAVAILABLE, "the server says more than it was asked");
	if (err)
		freeReplyObject(reply);
	else
		*out = reply;
	return err;
}

int redis_link_take_integer(struct redis_link *link, int64_t *out)
{
	redisReply *reply;
	int err = redis_link_take(link, REDIS_TYPE(REDIS_REPLY_INTEGER), &reply);

	if (err)
		return err;
	*out = reply->integer;
	freeReplyObject(reply);
	return 0;
}

int redis_link_take_values(struct redis_link *link, size_t n, redisReply **out)
{
	redisReply *reply;
	int err = redis_link_take(link, REDIS_TYPE(REDIS_REPLY_ARRAY), &reply);

	if (err)
		return err;
	if (reply->elements != n)
		err = redis_link_fail(
			link, ATTRIB_E_UNAVAILABLE, "%zu values for %zu keys", reply->elements, n);
	for (size_t i = 0; i < n && !err; i++)
		err = expect(link, REDIS_NIL_OR_TEXT, reply->element[i]);
	if (err)
		freeReplyObject(reply);
	else
		*out = reply;
	return err;
}

int redis_link_skip(struct redis_link *link, unsigned types, size_t n)
{
	redisReply *reply;
	int err = 0;

	for (size_t i = 0; i < n && !err; i++) {
		err = redis_link_take(link, types, &reply);
		if (!err)
			freeReplyObject(reply);
	}
	return err;
}

/* -- a connection -------------------------------------------------------------------------------- */

static int greet(struct redis_link *link)
{
	const struct redis_address *address = &link->address;
	size_t commands = (size_t)address->authenticates + (address->db != 0);

	if (address->authenticates) {
		redis_link_command(link, address->user[0] ? 3 : 2);
		redis_link_word(link, ATTRIB_STR("AUTH"));
		if (address->user[0])
			redis_link_word(link, attrib_str_of(address->user));
		redis_link_word(link, attrib_str_of(address->password));
	}
	if (address->db) {
		redis_link_command(link, 2);
		redis_link_word(link, ATTRIB_STR("SELECT"));
		redis_link_number(link, address->db);
	}
	return redis_link_skip(link, REDIS_TYPE(REDIS_REPLY_STATUS), commands);
}

static int look(struct redis_link *link)
{
	redisReply *info;
	int err;

	redis_link_command(link, 1);
	redis_link_word(link, ATTRIB_STR("INFO"));
	err = redis_link_take(link, REDIS_TYPE(REDIS_REPLY_STRING), &info);
	if (err)
		return err;
	err = redis_info_meet(link, info);
	freeReplyObject(info);
	return err;
}

static int dial(struct redis_link *link)
{
	struct timeval wait = {link->timeout_ms / 1000, link->timeout_ms % 1000 * 1000};
	const struct redis_address *address = &link->address;

	link->guard.problem = NULL;
	link->context = address->host[0]
				? redisConnectWithTimeout(address->host, address->port, wait)
				: redisConnectUnixWithTimeout(address->path, wait);
	if (!link->context)
		return redis_link_fail(link, ATTRIB_E_NOMEM, "out of memory");
	if (link->context->err || redisSetTimeout(link->context, wait) != REDIS_OK)
		return broken(link);
	if (address->host[0] && redisEnableKeepAlive(link->context) != REDIS_OK)
		return broken(link);
	redis_guard_attach(&link->guard, link->context);
	link->connections++;
	return 0;
}

int redis_link_open(struct redis_link *link)
{
	int err;

	if (link->context)
		return 0;
	err = dial(link);
	if (!err)
		err = greet(link);
	return err ? err : look(link);
}

int redis_link_open_url(struct redis_link *link, const char *url, int timeout_ms)
{
	struct redis_address address;
	const char *problem = redis_address_parse(url, &address);

	redis_link_init(link, &address, timeout_ms);
	return problem ? redis_link_fail(link, ATTRIB_E_CONFIG, "%s", problem)
		       : redis_link_open(link);
}

int redis_link_close(struct redis_link *link, int err, char why[ATTRIB_REDIS_WHY])
{
	snprintf(why, ATTRIB_REDIS_WHY, "%s", err ? link->why : "");
	redis_link_done(link);
	return err;
}
