/*
 * Values and keys: see redis_value.h. Numbers are little-endian.
 */
#include "redis_value.h"

#include <stdlib.h>

#include "attrib/endian.h"
#include "attrib/time.h"

#define PACKED      0x80 /* first byte of a head; a copy begins with its type */
#define PACK_BEYOND 1024 /* bytes behind the head, at least */

struct __attribute__((packed)) copy {
	uint8_t type, sub, trust, cap;
	uint32_t body : 24; /* bytes that follow */
	uint64_t number : 48;
	struct attrib_id lane, id;
	int64_t at, received_at;
	uint64_t content_hash;
};
_Static_assert(sizeof(struct copy) == 69, "a copy's head is packed");

struct __attribute__((packed)) head {
	uint8_t packed;
	uint16_t lanes; /* struct lane, that many */
	uint32_t facts; /* bytes of state_facts_copy behind them */
};

struct __attribute__((packed)) lane {
	uint16_t number; /* in those facts */
	struct attrib_id id;
};

struct __attribute__((packed)) claim {
	struct attrib_id lane;
	uint64_t number : 48;
	uint32_t received_at;
};
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "values are read as they were written");

/* -- keys ----------------------------------------------------------------------------------------- */

static const char letters[] = {
	[ATTRIB_ENTITY_VISITOR] = 'v',
	[ATTRIB_ENTITY_CUSTOMER] = 'c',
	[ATTRIB_ENTITY_ORDER] = 'o',
	[ATTRIB_ENTITY_ID] = 'i',
};

struct attrib_str redis_key(const struct attrib_entity *entity, char out[REDIS_KEY_BYTES])
{
	size_t n = sizeof REDIS_PREFIX - 1;

	memcpy(out, REDIS_PREFIX, n);
	out[n] = letters[entity->kind];
	memcpy(out + n + 1, &entity->id, sizeof entity->id);
	return (struct attrib_str){out, REDIS_KEY_BYTES};
}

bool redis_key_entity(struct attrib_str key, struct attrib_entity *out)
{
	size_t n = sizeof REDIS_PREFIX - 1;

	if (key.n != REDIS_KEY_BYTES || memcmp(key.p, REDIS_PREFIX, n) != 0)
		return false;
	for (int kind = ATTRIB_ENTITY_VISITOR; kind <= ATTRIB_ENTITY_ID; kind++) {
		if (letters[kind] != key.p[n])
			continue;
		out->kind = (enum attrib_entity_kind)kind;
		memcpy(&out->id, key.p + n + 1, sizeof out->id);
		return true;
	}
	return false;
}

/* -- reading -------------------------------------------------------------------------------------- */

int redis_fold_init(struct redis_fold *fold)
{
	*fold = (struct redis_fold){.lane_count = 1, .lane_room = 16};
	state_pool_init(&fold->pool, &fold->sheets);
	fold->lanes = calloc(fold->lane_room, sizeof *fold->lanes);
	return fold->lanes ? 0 : ATTRIB_E_NOMEM;
}

void redis_fold_clear(struct redis_fold *fold)
{
	state_facts_free(&fold->pool, fold->facts);
	fold->facts = NULL;
	fold->newest_received_at = INT64_MIN;
	fold->lane_count = 1;
}

void redis_fold_done(struct redis_fold *fold)
{
	redis_fold_clear(fold);
	state_pool_done(&fold->pool);
	state_sheets_done(&fold->sheets);
	free(fold->lanes);
}

/* A value has few lanes, and its copies come from the newest of them. */
static int number_of(struct redis_fold *fold, const struct attrib_id *lane, uint16_t *number)
{
	struct attrib_id *lanes;

	for (size_t i = fold->lane_count; i-- > 0;) {
		if (attrib_id_eq(&fold->lanes[i], lane)) {
			*number = (uint16_t)i;
			return 0;
		}
	}
	if (fold->lane_count > UINT16_MAX)
		return ATTRIB_E_OVERFLOW;
	if (fold->lane_count == fold->lane_room) {
		lanes = realloc(fold->lanes, fold->lane_room * 2 * sizeof *lanes);
		if (!lanes)
			return ATTRIB_E_NOMEM;
		fold->lanes = lanes;
		fold->lane_room *= 2;
	}
	fold->lanes[fold->lane_count] = *lane;
	*number = (uint16_t)fold->lane_count++;
	return 0;
}

int redis_fold_add(struct redis_fold *fold, const struct attrib_fact *fact,
	const struct attrib_claimer *claimer, const struct attrib_claimer *left,
	struct state_facts_result *result)
{
	struct state_claim claim = {.number = claimer->number}, first = {0};
	int err = number_of(fold, &claimer->lane, &claim.lane);

	if (!err && left) {
		first.number = left->number;
		err = number_of(fold, &left->lane, &first.lane);
	}
	if (!err)
		err = state_facts_add(
			&fold->pool, &fold->facts, fact, &claim, left ? &first : NULL, result);
	if (!err)
		fold->newest_received_at = result->newest_received_at;
	return err;
}

static int read_lanes(
	struct redis_fold *fold, const char *p, size_t n, uint16_t **numbers, size_t *count)
{
	struct lane lane;
	uint16_t number;
	int err = 0;

	*count = 1;
	for (size_t i = 0; i < n; i++) {
		memcpy(&lane, p + i * sizeof lane, sizeof lane);
		if (lane.number >= *count)
			*count = (size_t)lane.number + 1;
	}
	*numbers = calloc(*count, sizeof **numbers);
	if (!*numbers)
		return ATTRIB_E_NOMEM;
	for (size_t i = 0; i < n && !err; i++) {
		memcpy(&lane, p + i * sizeof lane, sizeof lane);
		err = number_of(fold, &lane.id, &number);
		if (!err)
			(*numbers)[lane.number] = number;
	}
	return err;
}

/* The packed head, if there is one; *end: where copies go on. */
static int read_head(struct redis_fold *fold, struct attrib_str value, size_t *end)
{
	uint16_t *numbers = NULL;
	size_t count, size, from;
	struct head head;
	int err;

	*end = 0;
	if (value.n == 0 || (uint8_t)value.p[0] != PACKED)
		return 0;
	if (value.n < sizeof head)
		return ATTRIB_E_CORRUPT;
	memcpy(&head, value.p, sizeof head);
	from = sizeof head + head.lanes * sizeof(struct lane);
	if (value.n < from || value.n - from < head.facts)
		return ATTRIB_E_CORRUPT;
	err = read_lanes(fold, value.p + sizeof head, head.lanes, &numbers, &count);
	if (!err)
		err = state_facts_restore(&fold->pool, (const uint8_t *)value.p + from, head.facts,
			numbers, count, &fold->facts, &size, &fold->newest_received_at);
	free(numbers);
	*end = from + head.facts;
	return err;
}

static int read_copy(struct redis_fold *fold, struct attrib_str rest, size_t *bytes)
{
	struct state_facts_result result;
	struct attrib_fact fact = {.entity.kind = ATTRIB_ENTITY_VISITOR};
	struct attrib_claimer claimer;
	struct copy copy;

	if (rest.n < sizeof copy)
		return ATTRIB_E_CORRUPT;
	memcpy(&copy, rest.p, sizeof copy);
	fact.type = (enum attrib_fact_type)copy.type;
	fact.sub = copy.sub;
	fact.trust = copy.trust;
	fact.cap = copy.cap;
	fact.id = copy.id;
	fact.at = copy.at;
	fact.received_at = copy.received_at;
	fact.content_hash = copy.content_hash;
	claimer = (struct attrib_claimer){copy.lane, copy.number};
	fact.body = (struct attrib_str){rest.p + sizeof copy, copy.body};
	if (state_check_fact(&fact) || rest.n - sizeof copy < copy.body)
		return ATTRIB_E_CORRUPT;
	*bytes = sizeof copy + copy.body;
	return redis_fold_add(fold, &fact, &claimer, NULL, &result);
}

int redis_fold_read(struct redis_fold *fold, struct attrib_str value)
{
	size_t at, bytes = 0;
	int err;

	redis_fold_clear(fold);
	err = read_head(fold, value, &at);
	for (; at < value.n && !err; at += bytes)
		err = read_copy(fold, (struct attrib_str){value.p + at, value.n - at}, &bytes);
	return err;
}

int redis_fold_load(
	const struct redis_fold *fold, struct attrib_arena *arena, struct attrib_loaded *out)
{
	struct attrib_fact *facts;
	uint8_t *copy;

	if (!fold->facts)
		return 0;
	copy = attrib_arena_raw(arena, state_facts_size(fold->facts));
	facts = attrib_arena_raw(arena, state_facts_count(fold->facts) * sizeof *facts);
	if (!copy || !facts)
		return ATTRIB_E_NOMEM;
	state_facts_copy(fold->facts, copy);
	out->count = state_facts_load(
		(const struct state_facts *)copy, &out->entity, fold->lanes, facts);
	out->facts = facts;
	return 0;
}

/* -- writing -------------------------------------------------------------------------------------- */

void redis_value_put(struct attrib_buf *out, const struct attrib_fact *fact,
	const struct attrib_claimer *claimer)
{
	struct copy copy = {
		.type = (uint8_t)fact->type,
		.sub = fact->sub,
		.trust = fact->trust,
		.cap = fact->cap,
		.body = (uint32_t)fact->body.n & STATE_BODY_MAX,
		.number = claimer->number & STATE_NUMBER_MAX,
		.lane = claimer->lane,
		.id = fact->id,
		.at = fact->at,
		.received_at = fact->received_at,
		.content_hash = fact->content_hash,
	};

	attrib_buf_put(out, &copy, sizeof copy);
	attrib_buf_str(out, fact->body);
}

static bool has_lane(const struct attrib_fact *facts, size_t n, const struct attrib_id *lane)
{
	for (size_t i = 0; i < n; i++)
		if (attrib_id_eq(&facts[i].claimer.lane, lane))
			return true;
	return false;
}

/* Lanes whose copies are gone go with them. Copies of one name have one claimer, so the merged facts
 * have all that are left. */
static uint16_t pack_lanes(const struct redis_fold *fold, const struct attrib_fact *facts, size_t n,
	struct attrib_buf *out)
{
	uint16_t count = 0;

	for (size_t i = 1; i < fold->lane_count; i++) {
		struct lane lane = {(uint16_t)i, fold->lanes[i]};
		if (!has_lane(facts, n, &lane.id))
			continue;
		attrib_buf_put(out, &lane, sizeof lane);
		count++;
	}
	return count;
}

int redis_fold_pack(const struct redis_fold *fold, struct attrib_buf *out)
{
	static const struct attrib_entity nobody;
	struct head head = {.packed = PACKED, .facts = (uint32_t)state_facts_size(fold->facts)};
	struct attrib_fact *facts = malloc(state_facts_count(fold->facts) * sizeof *facts);
	size_t at = out->n, n;

	if (!facts)
		return ATTRIB_E_NOMEM;
	n = state_facts_load(fold->facts, &nobody, fold->lanes, facts);
	attrib_buf_put(out, &head, sizeof head);
	head.lanes = pack_lanes(fold, facts, n, out);
	free(facts);
	if (attrib_buf_reserve(out, head.facts) || out->err)
		return ATTRIB_E_NOMEM;
	memcpy(out->p + at, &head, sizeof head);
	state_facts_copy(fold->facts, out->p + out->n);
	out->n += head.facts;
	return 0;
}

bool redis_value_is_long(struct attrib_str value, size_t more)
{
	struct head head = {0};
	size_t packed = 0;

	if (value.n >= sizeof head && (uint8_t)value.p[0] == PACKED) {
		memcpy(&head, value.p, sizeof head);
		packed = sizeof head + head.lanes * sizeof(struct lane) + head.facts;
	}
	return value.n + more > packed + PACK_BEYOND + packed / 8;
}

/* -- remembered ids ------------------------------------------------------------------------------- */

void redis_claim_put(
	struct attrib_buf *out, const struct attrib_claimer *claimer, uint32_t received_at)
{
	struct claim claim = {claimer->lane, claimer->number & STATE_NUMBER_MAX, received_at};

	attrib_buf_put(out, &claim, sizeof claim);
}

void redis_claim_put_earlier(struct attrib_buf *out, uint32_t received_at)
{
	uint8_t bytes[4];

	attrib_put32(bytes, received_at);
	attrib_buf_put(out, bytes, sizeof bytes);
}

int redis_claim_read(struct attrib_str value, struct redis_claim *out)
{
	struct claim claim;

	if (value.n < sizeof claim || (value.n - sizeof claim) % 4)
		return ATTRIB_E_CORRUPT;
	memcpy(&claim, value.p, sizeof claim);
	out->claimer = (struct attrib_claimer){claim.lane, claim.number};
	out->received_at = claim.received_at;
	for (size_t at = sizeof claim; at < value.n; at += 4) {
		uint32_t received_at = attrib_get32((const uint8_t *)value.p + at);
		if (received_at < out->received_at)
			out->received_at = received_at;
	}
	return 0;
}
