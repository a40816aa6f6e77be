/*
 * The catalog's rows and the history of the sites' settings in a file, for a start without PostgreSQL.
 * It is written beside and renamed, and carries a checksum: a file that is not whole is no file.
 */
#ifndef ATTRIBD_CATALOG_CACHE_H
#define ATTRIBD_CATALOG_CACHE_H

#include <stddef.h>
#include "attrib/buf.h"
#include "attrib/catalog.h"
#include "config.h"

/* Writes the rows of the catalog and, for each site of the configuration, the versions of its settings
 * that the catalog knows. ATTRIB_E_IO with errno. */
int attribd_catalog_cache_write(const char *path, const struct attribd_config *config,
	const struct attrib_catalog *catalog) ATTRIB_MUST_CHECK;
/* Reads the rows into *rows (a view of `file`, which holds the bytes) and replaces those of
 * sites[0..site_count) that the file knows by their newest version and its history (in the arena);
 * what PostgreSQL has not recorded yet is not decided by. ATTRIB_E_NOT_FOUND, ATTRIB_E_CORRUPT: the
 * sites are as before. */
int attribd_catalog_cache_read(const char *path, const struct attribd_config *config,
	struct attrib_site *sites, struct attrib_arena *arena, struct attrib_buf *file,
	struct attrib_str *rows) ATTRIB_MUST_CHECK;

#endif
