/*
 * The path of one order: every touch considered, in (occurred_at, id) order, and what each stage says
 * about it. gather -> eligibility -> collapse -> policy -> models; decide.c puts them together.
 */
#ifndef ATTRIB_ENGINE_PATH_H
#define ATTRIB_ENGINE_PATH_H

#include "attrib/batch.h"
#include "attrib/catalog.h"

#include "person.h"

#define ATTRIB_NO_ROW SIZE_MAX

/* What a touch proves, weakest first: it names the channel of what was collapsed. */
enum attrib_strength {
	ATTRIB_STRENGTH_VIEW,
	ATTRIB_STRENGTH_CODE,
	ATTRIB_STRENGTH_UTM,
	ATTRIB_STRENGTH_LINK,
	ATTRIB_STRENGTH_AFFILIATE,
	ATTRIB_STRENGTH_CLICK_ID,
};

struct attrib_candidate {
	struct attrib_step step;
	const struct attrib_tracker *owner; /* NULL = nobody */
	struct attrib_utm utm;              /* folded */
	uint32_t verdicts;
	bool signed_click;              /* its click id came back on a signed order */
	bool unowned;                   /* utm that nobody owns, valid and inside the window */
	struct attrib_str other;        /* unowned: "<source>/<medium>" */
	size_t listed;                  /* place among the order's codes, or within one event */
	struct attrib_id id;            /* the fact: two copies are one touch */
	const struct attrib_fact *fact; /* NULL: carried by the order itself, or by its lead */
	int64_t kept_until;             /* by a lead, whatever the window; ATTRIB_NEVER: by none */
	struct attrib_str lead_id; /* the lead that brings it; empty: the order has it itself */
	size_t row;                /* of the collapsed path */
};

/* One touch of the collapsed path. */
struct attrib_row {
	size_t anchor, source; /* candidates: whose time; whose channel, campaign, placement */
};

struct attrib_path {
	const struct attrib_site *site;
	const struct attrib_order_group *group;
	struct attrib_candidate *candidates; /* in the arena */
	size_t n, cap;
	struct attrib_row *rows; /* ascending by anchor */
	size_t row_count;
	struct attrib_id *customer; /* keys of the order's customer, in the arena */
	size_t customer_count;
	bool renewal; /* one that earns nobody anything */
};

/* What decided. row: the winner's; NO_ROW for OTHER outside of the rows and for UNATTRIBUTED. */
struct attrib_outcome {
	enum attrib_rule rule;
	size_t row;
	const struct attrib_candidate *other; /* rule OTHER: the utm touch */
	const struct attrib_candidate *code;  /* the one that was asked, or NULL ... */
	enum attrib_code_rule code_rule;      /* ... and its rule */
};

/* All touches that the order's person brings, and those that the order carries. */
int attrib_path_gather(struct attrib_path *path, struct attrib_person *person,
	const struct attrib_order_group *group) ATTRIB_MUST_CHECK;
/* One more touch, to be filled in, and then the order again; NULL: out of memory. */
struct attrib_candidate *attrib_path_add(struct attrib_path *path, struct attrib_arena *arena);
void attrib_path_sort(struct attrib_path *path);
/* Owners, windows, verdicts: sets owner, eligible, reason. Memory that is out is remembered by the arena. */
void attrib_path_judge(
	struct attrib_path *path, const struct attrib_catalog *catalog, struct attrib_arena *arena);
int attrib_path_collapse(struct attrib_path *path, struct attrib_arena *arena) ATTRIB_MUST_CHECK;
void attrib_path_policy(const struct attrib_path *path, const struct attrib_catalog *catalog,
	struct attrib_outcome *out);
/* The weights of one model over the rows; not for POLICY. n > 0. */
void attrib_path_weights(
	const struct attrib_path *path, enum attrib_model model, uint64_t *weights);

/* Of two touches of one event: negative when the content of the first counts rather than that of the
 * second, 0 when it is one content. */
int attrib_candidate_cmp_copy(const struct attrib_candidate *a, const struct attrib_candidate *b);
enum attrib_strength attrib_candidate_strength(const struct attrib_candidate *candidate);
static inline bool attrib_candidate_is_code(const struct attrib_candidate *candidate)
{
	return candidate->step.channel == ATTRIB_CHANNEL_CODE;
}

#endif
