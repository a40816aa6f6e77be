/*
 * The files of schema/, carried inside the program: `attribd migrate` works without a source tree.
 * The arrays are made by embed.cmake.
 */
#ifndef ATTRIB_SINK_PG_SCHEMA_H
#define ATTRIB_SINK_PG_SCHEMA_H

#include <stddef.h>

struct pg_schema_file {
	const char *name; /* below schema/ */
	const char *text;
};
extern const struct pg_schema_file pg_schema_migrations[]; /* by number, 1, 2, 3 ... */
extern const size_t pg_schema_migration_count;
extern const struct pg_schema_file pg_schema_parts[]; /* functions, then views */
extern const size_t pg_schema_part_count;

/* The schema version that this program is built for. */
int pg_schema_version(void);

#endif
