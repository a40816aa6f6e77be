/*
 * Events in one line of text, for tests that compare those of recorded bodies with what is expected.
 */
#ifndef ATTRIB_TEST_INTAKE_SHOWN_H
#define ATTRIB_TEST_INTAKE_SHOWN_H

#include "world.h"

/* A file as a whole, in the world's arena. */
struct attrib_str read_file(struct world *w, const char *path);
/* What became of a body: w->result and its error, a line for each event, reject and ignored item. */
void put_result(struct world *w, int err, struct attrib_buf *out);

/* Appends what became of one body to *out; name: of its file, without .json. */
typedef void put_case(
	struct world *w, const char *name, struct attrib_str body, struct attrib_buf *out);
/* Puts each <dir>/<name>.json, and compares all of it with <dir>/expected.txt. */
void check_cases(struct world *w, const char *dir, int at_least, put_case *put);

/* Changes some bytes of a body: a digit, a bracket, a name; what is still JSON is read all the same. */
void change_body(struct attrib_buf *body, uint64_t *random);

#endif
