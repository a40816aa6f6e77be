/*
 * A fresh, migrated database per test, on the server that tests/support/with-postgres started.
 * Whatever fails here ends the program: a test without its database says nothing.
 */
#ifndef ATTRIB_TEST_PG_H
#define ATTRIB_TEST_PG_H

#include <stdbool.h>
#include <libpq-fe.h>

struct test_pg {
	char conninfo[512];
	PGconn *conn; /* for the test's own questions */
};

/* migrated: with attribd's schema (copied from a template that the first call makes). */
void test_pg_init(struct test_pg *pg, bool migrated);
void test_pg_done(struct test_pg *pg);

/* Runs statements that must succeed. */
void test_pg_run(struct test_pg *pg, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* All rows as text: columns joined by '|', rows by '\n'; NULL is empty. Valid until the next call. */
const char *test_pg_text(struct test_pg *pg, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The SQLSTATE that a statement fails with; "" when it does not. */
const char *test_pg_state(struct test_pg *pg, const char *sql);

#endif
