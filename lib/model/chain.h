/*
 * An absorbing chain as sparse rows, and how to take states out of it without changing where walks end.
 */
#ifndef ATTRIB_MODEL_CHAIN_H
#define ATTRIB_MODEL_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "attrib/error.h"

/* The order, where every walk ends; where it begins, which nothing enters; then the touches. */
enum { CHAIN_END, CHAIN_START, CHAIN_TOUCHES };

struct chain_step {
	uint32_t to;
	double weight; /* > 0; of the row's sum that is its probability */
};
struct chain_row {
	struct chain_step *steps; /* owned; by `to`, each once */
	uint32_t n;
};
struct chain {
	struct chain_row *rows; /* owned; n of them */
	uint32_t n;
	size_t *left; /* borrowed: how many more steps may be in memory, over all chains that share it */
};

/* n rows without steps. ATTRIB_E_NOMEM. */
int chain_init(struct chain *chain, uint32_t n, size_t *left) ATTRIB_MUST_CHECK;
void chain_done(struct chain *chain);
/* Room for a row's steps. ATTRIB_E_NOMEM, ATTRIB_E_TOO_LARGE (beyond *left). */
int chain_row_alloc(struct chain *chain, uint32_t row, uint32_t n) ATTRIB_MUST_CHECK;
/* By `to`, after the steps were filled in. */
void chain_row_sort(struct chain *chain, uint32_t row);
/* A chain of end, start and the touches from..to - 1 of `chain`, numbered in their order: all others are taken
 * out, and the chance of every other walk from what is left is as it was. The caller ends *out, also after an
 * error. ATTRIB_E_NOMEM, ATTRIB_E_TOO_LARGE. */
int chain_keep(
	const struct chain *chain, uint32_t from, uint32_t to, struct chain *out) ATTRIB_MUST_CHECK;

#endif
