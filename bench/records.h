/*
 * Encoded events of a busy instance: what the benches of engine and recovery apply.
 *
 * Of 100 records 25 are clicks on links, each with a click id that its visitor's next landing carries; 30
 * are landings with an affiliate id or utm, 30 without a key, 10 carts and checkouts, 4 signed orders of a
 * customer with two keys, 1 a refund. 5 ms lie between two records. Another share of orders goes from or to
 * the checkouts.
 */
#ifndef ATTRIB_BENCH_RECORDS_H
#define ATTRIB_BENCH_RECORDS_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

#include "attrib/engine.h"

void *bench_room(size_t n, size_t size);
/* The catalog that knows the keys of the records; its strings are the arena's. */
struct attrib_catalog *bench_catalog(struct attrib_arena *arena);

struct bench_visitor {
	uint64_t click; /* number of the click that its next landing carries; 0 = none */
};

#define BENCH_ORDERS     4 /* of 100 records */
#define BENCH_ORDERS_MAX 14

struct bench_maker {
	struct attrib_keys *keys;   /* borrowed */
	struct attrib_arena *arena; /* of one event */
	struct bench_visitor *visitors;
	uint64_t visitor_count, seed, orders, number;
	uint64_t share; /* orders of 100 records: BENCH_ORDERS, up to BENCH_ORDERS_MAX */
	struct attrib_buf buf;
};
void bench_maker_init(struct bench_maker *maker, struct attrib_keys *keys, uint64_t visitors);
/* The next record, the same in every run; valid until the next call. */
struct attrib_str bench_maker_next(struct bench_maker *maker);
void bench_maker_done(struct bench_maker *maker);

#endif
