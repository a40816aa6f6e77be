/*
 * The server of a test (tests/support/with-redis), how a test speaks to it beside the backend, and the facts that
 * tests of the backend add.
 */
#ifndef ATTRIB_TEST_REDIS_SERVER_H
#define ATTRIB_TEST_REDIS_SERVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "attrib/state_redis.h"
#include "attrib/time.h"

#define IDS_TTL   1000 /* seconds, of a state that open_at makes */
#define FACTS_TTL 5000
#define SLOT      (FACTS_TTL / 32 + 1) /* in which a life begins anew once, and by which it is longer */

extern const char *url; /* unix:/path */

/* Runs the tests beside the server; what cmocka returns, or 1 without a server. */
#define RUN_WITH_REDIS(name, tests)                                                                \
	(redis_server_open() ? 1                                                                   \
			     : redis_server_close(                                                 \
				       cmocka_run_group_tests_name(name, tests, NULL, NULL)))
int redis_server_open(void);
int redis_server_close(int failed);

/* As redisCommand; %b is bytes and their number. The reply is the caller's. */
redisReply *ask(const char *format, ...);
void tell(const char *command);
/* The integer that a command is answered with. */
long long number(const char *command);

struct attrib_state *open_at(const char *where, int timeout_ms);
/* On the server, which was emptied before. */
struct attrib_state *open_clean(void);

struct attrib_id id_of(uint64_t number);
struct attrib_fact touch(uint64_t visitor, uint64_t id, int64_t at);
struct attrib_fact lasting(uint64_t visitor, uint64_t id);
struct attrib_fact seen(uint64_t id);
int add(struct attrib_state *state, struct attrib_fact fact, struct attrib_added *result);
void must_add(struct attrib_state *state, struct attrib_fact fact);
/* Facts of a visitor. */
size_t count(struct attrib_state *state, uint64_t visitor);
void reached(struct attrib_state *state, uint64_t lane, uint64_t number);
/* How far the server says that a lane was added. */
uint64_t known(struct attrib_state *state, uint64_t lane);
/* An add fails so, and says why. */
void check_refused(struct attrib_state *state, int err, const char *why);

#endif
