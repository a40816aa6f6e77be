/*
 * Text lines in front, so that a person can see what it is; the rows behind them are bytes.
 *
 *   attribd-catalog 2 <checksum of everything behind this line>
 *   site <version of its settings> <recorded at, us> <name>       each site's newest version first
 *   <setting> = <value>                                           those that decisions depend on
 *   rows
 */
#include "catalog_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attrib/id.h"
#include "site_history.h"

#define MAGIC "attribd-catalog 2 "
#define SITE  "site "

static uint64_t digest(struct attrib_str s)
{
	return attrib_hash64(s.p, s.n, 1);
}

static int write_all(int fd, struct attrib_str bytes)
{
	while (bytes.n) {
		ssize_t n = write(fd, bytes.p, bytes.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ATTRIB_E_IO;
		bytes.p += n;
		bytes.n -= (size_t)n;
	}
	return 0;
}

/* The old file stays until the new one is whole and synced. */
static int replace(const char *path, struct attrib_str head, struct attrib_str body)
{
	char temporary[4096 + 8];
	int err, fd;

	snprintf(temporary, sizeof temporary, "%s.tmp", path);
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return ATTRIB_E_IO;
	err = write_all(fd, head);
	if (!err)
		err = write_all(fd, body);
	if (!err && fdatasync(fd))
		err = ATTRIB_E_IO;
	if (close(fd) && !err)
		err = ATTRIB_E_IO;
	if (!err && rename(temporary, path))
		err = ATTRIB_E_IO;
	if (err) {
		int kept = errno;
		unlink(temporary);
		errno = kept;
	}
	return err;
}

static void put_versions(const struct attrib_site *site, struct attrib_buf *out)
{
	for (; site; site = site->before) {
		attrib_buf_printf(out, SITE "%" PRIu32 " %" PRId64 " %.*s\n", site->policy.version,
			site->policy.recorded_at, (int)site->name.n, site->name.p);
		attribd_config_put_version(site, out);
	}
}

int attribd_catalog_cache_write(
	const char *path, const struct attribd_config *config, const struct attrib_catalog *catalog)
{
	struct attrib_buf body, head;
	int err;

	attrib_buf_init(&body);
	attrib_buf_init(&head);
	for (size_t i = 0; i < config->site_count; i++)
		put_versions(attrib_catalog_site(catalog, config->sites[i].site.name), &body);
	attrib_buf_str(&body, ATTRIB_STR("rows\n"));
	attrib_catalog_encode(catalog, &body);
	attrib_buf_printf(&head, MAGIC "%016" PRIx64 "\n", digest(attrib_buf_view(&body)));
	err = body.err ? body.err : head.err;
	if (!err)
		err = replace(path, attrib_buf_view(&head), attrib_buf_view(&body));
	attrib_buf_done(&body);
	attrib_buf_done(&head);
	return err;
}

static int read_file(const char *path, struct attrib_buf *file)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err = 0;
	ssize_t n = 0;

	if (fd < 0)
		return ATTRIB_E_NOT_FOUND;
	do {
		file->n += (size_t)n;
		err = attrib_buf_reserve(file, 64 * 1024);
		if (!err)
			n = read(fd, file->p + file->n, file->cap - file->n);
	} while (!err && n > 0);
	close(fd);
	return !err && n < 0 ? ATTRIB_E_IO : err;
}

/* The file from behind the checksum on. */
struct cache {
	const struct attribd_config *config;
	struct attrib_arena *arena;
	struct attribd_history *histories; /* of the sites of the configuration */
	struct attrib_str rest;
};

static bool begins_with(struct attrib_str s, const char *prefix)
{
	return s.n >= strlen(prefix) && memcmp(s.p, prefix, strlen(prefix)) == 0;
}

static bool is_setting(struct attrib_str line)
{
	return line.n && memchr(line.p, '=', line.n) && !begins_with(line, SITE);
}

/* The lines of settings that come next, taken as one text. */
static struct attrib_str take_settings(struct cache *cache)
{
	struct attrib_str all = cache->rest, rest = cache->rest;

	while (is_setting(attrib_str_split(cache->rest, '\n', &rest)))
		cache->rest = rest;
	all.n -= cache->rest.n;
	return all;
}

static int take_version(struct cache *cache, struct attrib_str line)
{
	struct attrib_site_version version;
	int name_at = 0;
	char text[512];

	if (line.n >= sizeof text)
		return ATTRIB_E_CORRUPT;
	memcpy(text, line.p, line.n);
	text[line.n] = '\0';
	if (sscanf(text, SITE "%" SCNu32 " %" SCNd64 " %n", &version.version, &version.recorded_at,
		    &name_at) != 2 ||
		!name_at)
		return ATTRIB_E_CORRUPT;
	version.settings = take_settings(cache);
	for (size_t i = 0; i < cache->config->site_count; i++) {
		const struct attrib_site *site = &cache->config->sites[i].site;
		if (attrib_str_eq(site->name, attrib_str_of(text + name_at)))
			return attribd_history_add(
				&cache->histories[i], site, &version, cache->arena);
	}
	return 0;
}

static int take_versions(struct cache *cache)
{
	struct attrib_str line;
	int err = 0;

	while (!err) {
		line = attrib_str_split(cache->rest, '\n', &cache->rest);
		if (!cache->rest.p)
			return ATTRIB_E_CORRUPT;
		if (attrib_str_eq(line, ATTRIB_STR("rows")))
			break;
		err = take_version(cache, line);
	}
	return err;
}

static int check_sum(struct attrib_str bytes, struct attrib_str *rest)
{
	struct attrib_str line = attrib_str_split(bytes, '\n', rest);
	uint64_t value = 0;
	uint8_t sum[8];

	if (line.n != sizeof MAGIC - 1 + 16 || !begins_with(line, MAGIC) ||
		attrib_hex_decode((struct attrib_str){line.p + sizeof MAGIC - 1, 16}, sum, 8))
		return ATTRIB_E_CORRUPT;
	for (int i = 0; i < 8; i++)
		value = value << 8 | sum[i];
	return rest->p && digest(*rest) == value ? 0 : ATTRIB_E_CORRUPT;
}

int attribd_catalog_cache_read(const char *path, const struct attribd_config *config,
	struct attrib_site *sites, struct attrib_arena *arena, struct attrib_buf *file,
	struct attrib_str *rows)
{
	struct cache cache = {.config = config, .arena = arena};
	int err = read_file(path, file);

	cache.histories =
		attrib_arena_alloc(arena, (config->site_count + 1) * sizeof *cache.histories);
	if (!err && !cache.histories)
		err = ATTRIB_E_NOMEM;
	if (!err)
		err = check_sum(attrib_buf_view(file), &cache.rest);
	if (!err)
		err = take_versions(&cache);
	if (err)
		return err;
	for (size_t i = 0; i < config->site_count; i++)
		if (cache.histories[i].newest)
			sites[i] = *cache.histories[i].newest;
	*rows = cache.rest;
	return 0;
}
