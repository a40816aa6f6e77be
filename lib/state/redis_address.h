/*
 * Where a Redis is: a URL taken apart.
 */
#ifndef ATTRIB_STATE_REDIS_ADDRESS_H
#define ATTRIB_STATE_REDIS_ADDRESS_H

#include <stdbool.h>

struct redis_address {
	char host[256]; /* empty: path counts */
	char path[108]; /* of a socket */
	int port, db;
	char user[128]; /* empty: the default user */
	char password[512];
	bool authenticates;
};

/* NULL, or why the URL can't be used, as attrib_redis_url_problem. */
const char *redis_address_parse(const char *url, struct redis_address *out);

#endif
