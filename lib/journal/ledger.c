/* See ledger.h. */
#include "ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attrib/endian.h"

#define VERSION  1u
#define HEAD     64u
#define ROW      32u
#define ROWS_MAX (UINT64_C(1) << 32) /* more than any directory has: guards the arithmetic */

static const char magic[8] = {'a', 't', 't', 'r', 'i', 'b', 'L', '\n'};

int journal_ledger_init(struct journal_ledger *ledger, size_t gone, size_t ended)
{
	struct journal_row *rows = calloc(gone + ended + 1, sizeof *rows);

	if (!rows)
		return ATTRIB_E_NOMEM;
	ledger->gone = rows;
	ledger->ended = rows + gone;
	ledger->gone_count = gone;
	ledger->ended_count = ended;
	return 0;
}

void journal_ledger_done(struct journal_ledger *ledger)
{
	free(ledger->gone);
	*ledger = (struct journal_ledger){0};
}

static int by_place(const void *pa, const void *pb)
{
	const struct journal_row *a = pa, *b = pb;
	int lanes = attrib_id_cmp(&a->lane, &b->lane);

	return lanes ? lanes : (a->from > b->from) - (a->from < b->from);
}

const struct journal_row *journal_ledger_ended(
	const struct journal_ledger *ledger, const struct attrib_id *lane, uint64_t first)
{
	const struct journal_row key = {.lane = *lane, .from = first};

	if (ledger->ended_count == 0)
		return NULL;
	return bsearch(&key, ledger->ended, ledger->ended_count, sizeof key, by_place);
}

/* -- bytes -------------------------------------------------------------------------------------- */

static uint64_t checksum(const uint8_t *p, size_t n)
{
	return attrib_hash64(p + HEAD, n - HEAD, attrib_hash64(p, 56, 0));
}

static void encode(const struct journal_ledger *ledger, uint8_t *p, size_t n)
{
	memcpy(p, magic, sizeof magic);
	attrib_put64(p + 8, VERSION | (uint64_t)~VERSION << 32);
	memcpy(p + 16, ledger->instance.b, 16);
	attrib_put64(p + 32, (uint64_t)ledger->ran);
	attrib_put64(p + 40, ledger->gone_count);
	attrib_put64(p + 48, ledger->ended_count);
	for (size_t i = 0; i < ledger->gone_count + ledger->ended_count; i++) {
		uint8_t *row = p + HEAD + i * ROW;
		memcpy(row, ledger->gone[i].lane.b, 16);
		attrib_put64(row + 16, ledger->gone[i].from);
		attrib_put64(row + 24, ledger->gone[i].value);
	}
	attrib_put64(p + 56, checksum(p, n));
}

static int decode(const uint8_t *p, size_t n, struct journal_ledger *out)
{
	if (n < HEAD || memcmp(p, magic, sizeof magic) != 0)
		return ATTRIB_E_CORRUPT;
	uint32_t version = (uint32_t)attrib_get64(p + 8);
	if (version != (uint32_t) ~(attrib_get64(p + 8) >> 32))
		return ATTRIB_E_CORRUPT;
	if (version > VERSION)
		return ATTRIB_E_VERSION;
	uint64_t gone = attrib_get64(p + 40), ended = attrib_get64(p + 48);
	if (gone > ROWS_MAX || ended > ROWS_MAX || n != HEAD + (gone + ended) * ROW ||
		attrib_get64(p + 56) != checksum(p, n))
		return ATTRIB_E_CORRUPT;
	int err = journal_ledger_init(out, gone, ended);
	if (err)
		return err;
	memcpy(out->instance.b, p + 16, 16);
	out->ran = (int64_t)attrib_get64(p + 32);
	for (size_t i = 0; i < gone + ended; i++) {
		const uint8_t *row = p + HEAD + i * ROW;
		memcpy(out->gone[i].lane.b, row, 16);
		out->gone[i].from = attrib_get64(row + 16);
		out->gone[i].value = attrib_get64(row + 24);
	}
	return 0;
}

/* -- files -------------------------------------------------------------------------------------- */

static int read_file(const struct attrib_io *io, int fd, struct journal_ledger *out)
{
	off_t size = lseek(fd, 0, SEEK_END);
	size_t got = 0;

	if (size < 0)
		return ATTRIB_E_IO;
	uint8_t *p = malloc((size_t)size + 1);
	if (!p)
		return ATTRIB_E_NOMEM;
	int err = attrib_io_read(io, fd, p, (size_t)size, 0, &got);
	if (!err)
		err = decode(p, got, out);
	free(p);
	return err;
}

int journal_ledger_read(const struct attrib_io *io, int dir, struct journal_ledger *out)
{
	int fd = io->open(dir, JOURNAL_LEDGER, O_RDONLY, 0);

	if (fd < 0 && errno == ENOENT)
		return journal_ledger_init(out, 0, 0);
	if (fd < 0)
		return ATTRIB_E_IO;
	int err = read_file(io, fd, out);
	int kept = errno;
	close(fd);
	errno = kept;
	return err;
}

static int write_file(const struct attrib_io *io, int dir, const uint8_t *p, size_t n)
{
	int fd = io->open(dir, JOURNAL_LEDGER_NEW, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0)
		return attrib_io_error();
	int err = attrib_io_write(io, fd, p, n, 0, NULL);
	if (!err && io->fdatasync(fd))
		err = ATTRIB_E_IO;
	int kept = errno;
	close(fd);
	errno = kept;
	return err;
}

int journal_ledger_write(const struct attrib_io *io, int dir, struct journal_ledger *ledger)
{
	size_t n = HEAD + (ledger->gone_count + ledger->ended_count) * ROW;
	uint8_t *p = calloc(1, n);

	if (!p)
		return ATTRIB_E_NOMEM;
	qsort(ledger->gone, ledger->gone_count, sizeof *ledger->gone, by_place);
	qsort(ledger->ended, ledger->ended_count, sizeof *ledger->ended, by_place);
	encode(ledger, p, n);
	int err = write_file(io, dir, p, n);
	free(p);
	if (!err && io->rename(dir, JOURNAL_LEDGER_NEW, JOURNAL_LEDGER))
		err = attrib_io_error();
	if (!err && io->fsync(dir))
		err = ATTRIB_E_IO;
	return err;
}
