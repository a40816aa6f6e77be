/*
 * Text lines in front, so that a person can see what it is; the rows behind them are bytes.
 *
 *   attribd-catalog 1 <checksum of everything behind this line>
 *   site <policy version> <digest of the policy> <name>
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

#define MAGIC "attribd-catalog 1 "

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

int attribd_catalog_cache_write(
	const char *path, const struct attribd_config *config, const struct attrib_catalog *catalog)
{
	struct attrib_buf body, head;
	int err;

	attrib_buf_init(&body);
	attrib_buf_init(&head);
	for (size_t i = 0; i < config->site_count; i++) {
		const struct attribd_site_config *site = &config->sites[i];
		const struct attrib_site *known = attrib_catalog_site(catalog, site->site.name);
		if (known)
			attrib_buf_printf(&body, "site %" PRIu32 " %016" PRIx64 " %.*s\n",
				known->policy.version, digest(site->policy_json),
				(int)known->name.n, known->name.p);
	}
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

static void take_site(
	struct attrib_str line, const struct attribd_config *config, struct attrib_site *sites)
{
	uint32_t version;
	uint64_t hash;
	int name_at = 0;
	char text[512];

	if (line.n >= sizeof text)
		return;
	memcpy(text, line.p, line.n);
	text[line.n] = '\0';
	if (sscanf(text, "site %" SCNu32 " %" SCNx64 " %n", &version, &hash, &name_at) != 2 ||
		!name_at)
		return;
	for (size_t i = 0; i < config->site_count; i++) {
		if (attrib_str_eq(sites[i].name, attrib_str_of(text + name_at)) &&
			digest(config->sites[i].policy_json) == hash)
			sites[i].policy.version = version;
	}
}

int attribd_catalog_cache_read(const char *path, const struct attribd_config *config,
	struct attrib_site *sites, struct attrib_buf *file, struct attrib_str *rows)
{
	struct attrib_str rest, line;
	uint8_t sum[8];
	uint64_t value = 0;
	int err = read_file(path, file);

	if (err)
		return err;
	line = attrib_str_split(attrib_buf_view(file), '\n', &rest);
	if (line.n != sizeof MAGIC - 1 + 16 || memcmp(line.p, MAGIC, sizeof MAGIC - 1) != 0 ||
		attrib_hex_decode((struct attrib_str){line.p + sizeof MAGIC - 1, 16}, sum, 8))
		return ATTRIB_E_CORRUPT;
	for (int i = 0; i < 8; i++)
		value = value << 8 | sum[i];
	if (!rest.p || digest(rest) != value)
		return ATTRIB_E_CORRUPT;
	do {
		line = attrib_str_split(rest, '\n', &rest);
		take_site(line, config, sites);
	} while (rest.p && !attrib_str_eq(line, ATTRIB_STR("rows")));
	if (!rest.p)
		return ATTRIB_E_CORRUPT;
	*rows = rest;
	return 0;
}
