/* See disk.h. */
#include "disk.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "event.h"

#define COMMIT_RECORDS 6
#define DAMAGES_MAX    8
#define GARBAGE_MAX    40000 /* bytes; more than a block of the reader */

void disk_init(struct disk *disk)
{
	*disk = (struct disk){.instance = {{0xaa}}, .faithful = true, .sane = true};
	for (size_t i = 0; i < DISK_SEGMENTS; i++) {
		attrib_buf_init(&disk->segments[i].was);
		attrib_buf_init(&disk->segments[i].now);
	}
}

void disk_done(struct disk *disk)
{
	for (size_t i = 0; i < DISK_SEGMENTS; i++) {
		attrib_buf_done(&disk->segments[i].was);
		attrib_buf_done(&disk->segments[i].now);
	}
}

/* -- writing ------------------------------------------------------------------------------------ */

static void begin_segment(struct disk *disk, const struct journal_head *head, bool foreign)
{
	struct disk_segment *segment = &disk->segments[disk->segment_count++];
	uint8_t bytes[JOURNAL_HEAD];

	segment->head = *head;
	segment->foreign = foreign;
	journal_head_encode(head, bytes);
	attrib_buf_put(&segment->was, bytes, sizeof bytes);
}

static void put_record(struct disk *disk, struct input *in, uint64_t number, bool starts)
{
	struct disk_segment *segment = &disk->segments[disk->segment_count - 1];
	struct attrib_buf payload;
	size_t at = segment->was.n, size;

	attrib_buf_init(&payload);
	disk->sane &= fuzz_payload(in, &payload);
	size = journal_record_size(payload.n);
	require(attrib_buf_reserve(&segment->was, size) == 0);
	journal_record_put(segment->was.p + at, attrib_buf_view(&payload), number);
	require(journal_record_seal(segment->was.p + at, segment->head.seed, number, at, starts) ==
		size);
	segment->was.n += size;
	attrib_buf_done(&payload);
	disk->records[disk->record_count++] = (struct disk_record){
		(uint32_t)(disk->segment_count - 1), number, at, size, ATTRIB_STR_NONE, starts};
}

/* One commit; the number that comes next. */
static uint64_t put_commit(struct disk *disk, struct input *in, uint64_t number)
{
	uint32_t n = 1 + take_below(in, COMMIT_RECORDS);

	for (uint32_t i = 0; i < n && disk->record_count < DISK_RECORDS; i++)
		put_record(disk, in, number++, i == 0);
	return number;
}

static void put_lane(struct disk *disk, struct input *in, uint8_t lane)
{
	bool foreign = take_below(in, 16) == 15;
	uint64_t number = 1 + (uint64_t)take_below(in, 4) * 7;
	struct journal_head head = {.lane = {{(uint8_t)(lane + 1), 0x1a}},
		.instance = foreign ? (struct attrib_id){{0xbb}} : disk->instance,
		.base = number - 1,
		.first = number};

	do {
		uint32_t commits = take_below(in, 5);
		head.first = number;
		head.seed = UINT64_C(0x9e3779b97f4a7c15) * (number + lane);
		begin_segment(disk, &head, foreign);
		for (uint32_t i = 0; i < commits; i++)
			number = put_commit(disk, in, number);
		/* a segment without a record has no successor: it would have the same name */
		if (number == head.first || take_below(in, 3) == 0)
			break;
	} while (in->n && disk->segment_count < DISK_SEGMENTS);
	disk->segments[disk->segment_count - 1].last = true;
}

void disk_write(struct disk *disk, struct input *in)
{
	uint32_t lanes = 1 + take_below(in, DISK_LANES);

	for (uint8_t lane = 0; lane < lanes && disk->segment_count < DISK_SEGMENTS; lane++) {
		if (in->n)
			put_lane(disk, in, lane);
	}
	for (size_t i = 0; i < disk->segment_count; i++) {
		struct disk_segment *segment = &disk->segments[i];
		attrib_buf_str(&segment->now, attrib_buf_view(&segment->was));
		require(!segment->was.err && !segment->now.err);
	}
	for (size_t i = 0; i < disk->record_count; i++) {
		struct disk_record *record = &disk->records[i];
		const uint8_t *p = disk->segments[record->segment].was.p + record->offset;
		struct journal_claim claim;
		require(journal_record_claim(p, &claim));
		record->payload =
			(struct attrib_str){(const char *)p + JOURNAL_RECORD_HEAD, claim.length};
	}
}

/* -- damaging ----------------------------------------------------------------------------------- */

struct range {
	uint8_t *p;
	size_t n;
};

static struct range pick_range(struct attrib_buf *bytes, struct input *in, uint32_t most)
{
	size_t at = take_back_below(in, (uint32_t)bytes->n), n = 1 + take_back_below(in, most);

	return (struct range){bytes->p + at, n < bytes->n - at ? n : bytes->n - at};
}

static void garbage(struct attrib_buf *out, struct input *in)
{
	uint32_t n = take_back_below(in, GARBAGE_MAX), word = take_back(in) * 0x01000193u;
	bool zeros = take_back_below(in, 2);

	for (uint32_t i = 0; i < n; i++) {
		word = word * 1664525u + 1013904223u;
		attrib_buf_char(out, zeros ? '\0' : (char)(word >> 24));
	}
}

/* A record of the disk's own making at any place: the checksum fits. */
static void forge(struct disk *disk, struct disk_segment *segment, struct input *in)
{
	static const char text[64] = {1, 2, 3};
	size_t n = 1 + take_back_below(in, sizeof text), size = journal_record_size(n);
	size_t at = take_back_below(in, (uint32_t)segment->now.n) & ~(size_t)7;
	uint64_t number = segment->head.first + take_back_below(in, 0x101) - 16;

	if (take_back_below(in, 8) == 0)
		number += UINT64_C(1) << 32;
	while (segment->now.n < at + size)
		attrib_buf_char(&segment->now, '\0');
	journal_record_put(segment->now.p + at, (struct attrib_str){text, n}, number);
	journal_record_seal(
		segment->now.p + at, segment->head.seed, number, at, take_back_below(in, 2));
	disk->faithful = false;
}

static void copy_within(struct attrib_buf *bytes, struct input *in)
{
	struct range to = pick_range(bytes, in, 3000), from = pick_range(bytes, in, 3000);

	memmove(to.p, from.p, from.n < to.n ? from.n : to.n);
}

static void damage_once(struct disk *disk, struct input *in)
{
	uint32_t what = take_back_below(in, 12);
	struct disk_segment *segment =
		&disk->segments[take_back_below(in, (uint32_t)disk->segment_count)];
	struct attrib_buf *now = &segment->now;
	struct range range;

	if (!now->n)
		return;
	switch (what) {
	case 0:
	case 1:
		range = pick_range(now, in, 1);
		*range.p ^= (uint8_t)(1u << take_back_below(in, 8));
		break;
	case 2:
		range = pick_range(now, in, 5000);
		memset(range.p, take_back(in), range.n);
		break;
	case 3:
		now->n = take_back_below(in, (uint32_t)now->n);
		break;
	case 4:
	case 5:
		garbage(now, in);
		break;
	case 6:
		segment->gone = true;
		break;
	case 7:
		copy_within(now, in);
		break;
	case 8:
		attrib_buf_str(now, (struct attrib_str){(char *)segment->was.p, segment->was.n});
		break;
	case 9:
		disk->junk = true;
		break;
	case 10:
		forge(disk, segment, in);
		break;
	default:
		segment->head.first += take_back_below(in, 64) - 8;
		disk->faithful = false;
	}
}

void disk_damage(struct disk *disk, struct input *in)
{
	uint32_t n = take_back_below(in, DAMAGES_MAX + 1);

	if (!disk->segment_count)
		return;
	while (n-- > 0)
		damage_once(disk, in);
	for (size_t i = 0; i < disk->segment_count; i++)
		require(!disk->segments[i].now.err);
}

/* -- the directory ------------------------------------------------------------------------------ */

static void store_file(const char *dir, const char *name, struct attrib_str bytes)
{
	char path[512];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	require(fd >= 0);
	require(write(fd, bytes.p, bytes.n) == (ssize_t)bytes.n);
	close(fd);
}

void disk_store(const struct disk *disk, const char *dir)
{
	static const char *const junk[] = {"0100000000000000000000000000001a-0000000000000001.new",
		"0100000000000000000000000000001a-1.seg", ".seg", "README"};
	char name[JOURNAL_NAME];

	for (size_t i = 0; i < disk->segment_count; i++) {
		const struct disk_segment *segment = &disk->segments[i];
		if (segment->gone)
			continue;
		journal_name_format(name, &segment->head.lane, segment->head.first, ".seg");
		store_file(dir, name, attrib_buf_view(&segment->now));
	}
	for (size_t i = 0; disk->junk && i < sizeof junk / sizeof *junk; i++)
		store_file(dir, junk[i], ATTRIB_STR("junk"));
}

/* -- what must be found ------------------------------------------------------------------------- */

static bool same(const struct disk_segment *segment, size_t at, size_t n)
{
	return at + n <= segment->now.n && memcmp(segment->was.p + at, segment->now.p + at, n) == 0;
}

static bool head_holds(const struct disk_segment *segment)
{
	return !segment->gone && (same(segment, 0, JOURNAL_HEAD_BYTES) ||
					 same(segment, JOURNAL_HEAD_COPY, JOURNAL_HEAD_BYTES));
}

bool disk_holds(const struct disk *disk, const struct disk_record *record)
{
	const struct disk_segment *segment = &disk->segments[record->segment];

	return head_holds(segment) && same(segment, record->offset, record->size);
}

bool disk_lacks_head(const struct disk *disk)
{
	for (size_t i = 0; i < disk->segment_count; i++) {
		if (!disk->segments[i].gone && !head_holds(&disk->segments[i]))
			return true;
	}
	return false;
}

const struct disk_record *disk_find(
	const struct disk *disk, const struct attrib_id *lane, uint64_t number)
{
	for (size_t i = 0; i < disk->record_count; i++) {
		const struct disk_record *record = &disk->records[i];
		if (record->number == number &&
			attrib_id_eq(&disk->segments[record->segment].head.lane, lane))
			return record;
	}
	return NULL;
}
