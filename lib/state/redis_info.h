/*
 * What a server says of itself (INFO), and what it has to be before anything is kept there.
 */
#ifndef ATTRIB_STATE_REDIS_INFO_H
#define ATTRIB_STATE_REDIS_INFO_H

#include "redis_link.h"

/* Notes in the link who answers it; a failure of it when that one can't be used. `info` holds all sections. */
int redis_info_meet(struct redis_link *link, const redisReply *info);

/* ATTRIB_E_CONFIG when it may throw facts away. `info` holds the section "memory". */
int redis_info_judge_policy(struct redis_link *link, const redisReply *info);

/* Which master it is; `info` holds the section "replication". ATTRIB_E_UNAVAILABLE when it doesn't say so. */
int redis_info_master(struct redis_link *link, const redisReply *info, struct attrib_master *out);

/* The number behind "\r\nNAME:" in what INFO says; 0 when there is none. */
uint64_t redis_info_number(const redisReply *info, const char *name);

#endif
