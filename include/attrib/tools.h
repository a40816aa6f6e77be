/*
 * What people do with the database by command: bring tables in, take reports out, ask why an order is
 * what it is. Each call opens its own connection. Messages about the database go to error->text.
 */
#ifndef ATTRIB_TOOLS_H
#define ATTRIB_TOOLS_H

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include "attrib/buf.h"
#include "attrib/error.h"
#include "attrib/link.h"
#include "attrib/sink.h"
#include "attrib/str.h"

/* Somebody waits for the answer. */
struct attrib_patience {
	int timeout_ms;          /* a statement may take; for the connection it is 2 s */
	const atomic_bool *stop; /* borrowed; true: give up, which takes a moment; or NULL */
};

/* -- import -------------------------------------------------------------------------------------- */

/* The tables that can be imported; ends with NULL. */
const char *const *attrib_import_tables(void);
/* Exports of other systems that can be imported as they are. */
struct attrib_preset {
	const char *name, *about;
	bool has_cost; /* into cost, too; else into post_metrics only */
};
/* One after the other; false behind the last. */
bool attrib_import_preset(size_t index, struct attrib_preset *out);
/* True for those whose rows name persons by e-mail, phone or customer id. */
bool attrib_import_names_persons(const char *table);

struct attrib_import_problem {
	uint64_t line;             /* of the file, from 1 */
	const char *column;        /* NULL = of the whole line */
	struct attrib_str message; /* "expected ..., got ..." */
};

struct attrib_import {
	const char *conninfo;
	const char *table;
	const char *file;               /* its name, for messages */
	FILE *in;                       /* borrowed; RFC 4180 with a header of column names */
	const struct attrib_str *sites; /* that rows may belong to */
	size_t site_count;
	struct attrib_str site;                     /* of rows that name none; empty = they must */
	void (*progress)(void *arg, uint64_t rows); /* may be NULL */
	/* Hears each of *problems; its texts live as long as the call. May be NULL. */
	void (*problem)(void *arg, const struct attrib_import_problem *problem);
	void *arg;
	const struct attrib_patience *patience; /* NULL = an hour */
	const char *preset; /* the file is such an export; NULL = its columns are the table's */
	/* Of an export. What its numbers are when that is something else than usual, separated by commas:
	 * organic, paid or total, cumulative or delta; or NULL. Their day, for a file that does not say it. */
	const char *as, *on;
	bool skip_unmatched; /* rows whose post nobody knows are passed over, and told as problems are */
	/* For rows that name persons; else not looked at. Makes the key of a value as intake does; false:
	 * the value names nobody. The values themselves go nowhere. */
	bool (*key)(void *arg, struct attrib_str site, enum attrib_customer_kind kind,
		struct attrib_str value, struct attrib_customer_key *out);
	void *key_arg;
	const uint8_t *secret_fingerprint; /* 32 bytes: of the secret that makes the keys */
};
struct attrib_import_result {
	uint64_t rows, added, replaced; /* of persons: lines with a new key, and all others */
	uint64_t skipped; /* lines of posts that nobody knows, which are not in rows */
};
/* All or nothing, one transaction. A row whose key exists replaces it, columns that the file leaves
 * out or empty get their defaults.
 * ATTRIB_E_INVALID: nothing was imported; *problems has up to 20 lines "file:line: column: expected
 * ..., got ...". ATTRIB_E_NOT_FOUND: no such table, or preset. ATTRIB_E_SCHEMA: the database is not migrated.
 * ATTRIB_E_IO (errno): the file. ATTRIB_E_UNAVAILABLE: the database. ATTRIB_E_CONFIG: the keys of the
 * database were made with another secret. */
int attrib_postgres_import(const struct attrib_import *import, struct attrib_import_result *result,
	struct attrib_buf *problems, struct attrib_sink_error *error) ATTRIB_MUST_CHECK;

/* -- report -------------------------------------------------------------------------------------- */

enum attrib_report_format { ATTRIB_REPORT_TABLE, ATTRIB_REPORT_CSV, ATTRIB_REPORT_JSON };

/* What a report may be asked for, beside its site. */
enum attrib_report_takes {
	ATTRIB_REPORT_TAKES_PERIOD = 1, /* from and to */
	ATTRIB_REPORT_TAKES_MODEL = 2,
	ATTRIB_REPORT_TAKES_DATING =
		4, /* its period may go by the date of order, touch or refund */
	ATTRIB_REPORT_TAKES_CREATOR = 8,  /* it has such a column */
	ATTRIB_REPORT_TAKES_CAMPAIGN = 16 /* it has such a column */
};
struct attrib_report_kind {
	const char *name;  /* also of the view */
	const char *about; /* one line */
	unsigned takes;    /* enum attrib_report_takes */
};
/* The reports there are, one after the other; NULL behind the last. */
const struct attrib_report_kind *attrib_report_kind(size_t index);

/* A part of a report. Rows that are equal in what a report is ordered by have an order here nevertheless. */
struct attrib_report_page {
	uint64_t offset;  /* rows before it */
	uint64_t limit;   /* rows at most, 1.. */
	size_t bytes_max; /* it ends behind the row that reaches them */
	/* set by the report */
	uint64_t rows; /* on it */
	bool more;     /* there are rows behind it */
};

struct attrib_report {
	const char *conninfo;
	const char *name;
	const char *site;               /* NULL = all sites */
	const char *from, *to;          /* YYYY-MM-DD, both or none; both days included */
	const char *model;              /* NULL = all, with a period the primary one */
	const char *by;                 /* order, touch, refund; NULL = order; needs a period */
	const char *creator, *campaign; /* rows of these only; NULL = all */
	enum attrib_report_format format;
	struct attrib_report_page *page;                 /* NULL = all rows */
	const struct attrib_patience *patience;          /* NULL = an hour */
	int (*write)(void *arg, struct attrib_str text); /* 0, or an error that ends the report */
	void *arg;
};
/* ATTRIB_E_NOT_FOUND: no such report. ATTRIB_E_INVALID: it does not take what was asked for, or a
 * date or word is none; error->text says what was expected, error->column of which parameter.
 * ATTRIB_E_SCHEMA, ATTRIB_E_UNAVAILABLE, or what write said. */
int attrib_postgres_report(
	const struct attrib_report *report, struct attrib_sink_error *error) ATTRIB_MUST_CHECK;

/* -- data-driven models --------------------------------------------------------------------------- */

struct attrib_model_asked {
	const char *conninfo;
	const char *site;
	unsigned order;        /* of Markov, 1..ATTRIB_MARKOV_ORDER_MAX; 0 = Shapley */
	const char *level;     /* creator, campaign, channel */
	const char *from, *to; /* YYYY-MM-DD, both days included */
	enum attrib_report_format format;
	int (*write)(void *arg, struct attrib_str text); /* as of attrib_report */
	void (*progress)(void *arg, uint64_t orders);    /* may be NULL; so many are read */
	void *arg;
};
/* Reads the paths of the period and keeps the run, in one transaction; then writes its rows of model_comparison.
 * ATTRIB_E_INVALID: what was asked for is no period (error->text). ATTRIB_E_TOO_LARGE: the chain has too many
 * transitions. ATTRIB_E_SCHEMA, ATTRIB_E_UNAVAILABLE, ATTRIB_E_NOMEM, or what write said. */
int attrib_postgres_model(
	const struct attrib_model_asked *asked, struct attrib_sink_error *error) ATTRIB_MUST_CHECK;

/* -- explain ------------------------------------------------------------------------------------- */

struct attrib_explain {
	const char *conninfo;
	const char *site;
	const char *kind;  /* "order" or "lead" */
	const char *order; /* id of the conversion; of an order also an alias */
	bool text;         /* lines for people instead of one JSON object */
	bool hurry;        /* somebody waits: 2 s at most for a connection and 1 s for the answer,
		     * whatever the connection string says */
};
/* Appends the answer to *out; it ends with a newline. ATTRIB_E_NOT_FOUND: no such order.
 * ATTRIB_E_INVALID: what was asked for is no text or no kind. ATTRIB_E_SCHEMA,
 * ATTRIB_E_UNAVAILABLE, ATTRIB_E_NOMEM. */
int attrib_postgres_explain(const struct attrib_explain *explain, struct attrib_buf *out,
	struct attrib_sink_error *error) ATTRIB_MUST_CHECK;

/* -- links --------------------------------------------------------------------------------------- */

/* What became of one item. Texts live as long as the call of row(). */
struct attrib_link_row {
	size_t item;
	const char *problem; /* "expected ..., got ..."; NULL: the tracker is there */
	const char *field;   /* that the problem is about, as the items name it; NULL = the whole */
	struct attrib_link link;
};
struct attrib_link_adder {
	const char *conninfo;
	struct attrib_str
		items; /* JSON: an object of texts, or a list of them: site, kind, key, creator,
				  * campaign, placement, destination, valid_from, valid_to, window,
				  * code_rule, sub */
	struct attrib_str
		sites; /* JSON: {"default": name or null, "sites": {name: {"public_url": is it set,
				  * "affiliate": is there a parameter}}} */
	bool all;      /* one problem, and nothing is added */
	bool hurry;    /* as of attrib_explain */
	void (*row)(void *arg, const struct attrib_link_row *row);
	void *arg;
};
/* One transaction; row() hears of each item after its end, of one with several problems several times.
 * A key that is taken is refused, a tracker that stands there already, the same in everything, is as
 * good as added. ATTRIB_E_INVALID: with `all` some item has a problem, or (no row) items is no JSON.
 * ATTRIB_E_SCHEMA, ATTRIB_E_UNAVAILABLE, ATTRIB_E_NOMEM. */
int attrib_postgres_add_links(
	const struct attrib_link_adder *adder, struct attrib_sink_error *error) ATTRIB_MUST_CHECK;

struct attrib_link_lister {
	const char *conninfo;
	const char *site;
	const char *creator; /* NULL = of all creators */
	size_t limit;        /* at most so many, the newest first */
	bool hurry;
	void (*row)(void *arg, const struct attrib_link_row *row);
	void *arg;
};
/* ATTRIB_E_SCHEMA, ATTRIB_E_UNAVAILABLE, ATTRIB_E_NOMEM. */
int attrib_postgres_list_links(
	const struct attrib_link_lister *lister, struct attrib_sink_error *error) ATTRIB_MUST_CHECK;

/* Reads a CSV file (RFC 4180) whose header names fields into such items, and the line (uint64_t) of
 * each into *lines. What is not a table of texts is told as "<name>:<line>: ..." in *problems, at most
 * 20 lines: ATTRIB_E_INVALID. ATTRIB_E_IO (errno), ATTRIB_E_NOMEM. */
int attrib_links_read_csv(FILE *in, const char *name, struct attrib_buf *items,
	struct attrib_buf *lines, struct attrib_buf *problems) ATTRIB_MUST_CHECK;
/* Appends a line of CSV: the fields of the link and its address; of NULL the header. */
void attrib_links_put_csv(
	struct attrib_buf *out, const struct attrib_link *link, struct attrib_str url);

/* -- quarantine ---------------------------------------------------------------------------------- */

/* What is in quarantine is the report "quarantined". Here: merging again what PostgreSQL refused for
 * its data. */
struct attrib_retry_row {
	const char *site, *key, *order_id;
	const char *outcome; /* applied, outdated (something later is stored already) or refused */
	const char *message; /* why it was refused again; else empty */
};
struct attrib_retry {
	const char *conninfo;
	const char *site;         /* NULL = all sites */
	const char *const *names; /* keys or order ids; none = all there are */
	size_t name_count;
	void (*row)(void *arg, const struct attrib_retry_row *row);
	void *arg;
};
/* One transaction for each row, or for orders that were merged into one; row() hears of each after its
 * COMMIT. A running daemon may go on. ATTRIB_E_NOT_FOUND: nothing that was refused has such a name (or
 * there is nothing). ATTRIB_E_SCHEMA, ATTRIB_E_UNAVAILABLE, ATTRIB_E_NOMEM. */
int attrib_postgres_retry(
	const struct attrib_retry *retry, struct attrib_sink_error *error) ATTRIB_MUST_CHECK;

/* -- outbox -------------------------------------------------------------------------------------- */

/* What was not sent is the report "outbox". Here: events that were given up, or that have failed
 * and wait for their next try, are due now. Names are
 * order, event or webhook ids; row() hears the event's id as key, and an empty message. Errors as
 * above. */
int attrib_postgres_outbox_retry(
	const struct attrib_retry *retry, struct attrib_sink_error *error) ATTRIB_MUST_CHECK;

/* -- payouts ------------------------------------------------------------------------------------- */

/* What there are is the report "payouts". Here: making them, and noting what became of one. */
enum attrib_payout_act { ATTRIB_PAYOUT_CREATE = 1, ATTRIB_PAYOUT_PAID, ATTRIB_PAYOUT_CANCEL };
struct attrib_payout { /* texts live as long as the call of row() */
	const char *number, *site, *creator, *amount, *currency, *lines, *state;
};
struct attrib_payout_asked {
	const char *conninfo;
	enum attrib_payout_act act;
	const char *site;    /* NULL = any, but not of create */
	const char *creator; /* of create; NULL = all */
	const char *day; /* create: of the newest orders, NULL = all; paid: when, NULL = today */
	const char *min; /* of create: major units; NULL = whatever is more than 0 */
	const char *number, *reference; /* of paid; number also of cancel */
	void (*row)(void *arg, const struct attrib_payout *payout);
	void *arg;
};
/* One transaction; row() hears of each payout that was made or changed, behind its end. ATTRIB_E_INVALID: a value
 * is none, there is no such payout, or it is in another state; error->text says which. ATTRIB_E_SCHEMA,
 * ATTRIB_E_UNAVAILABLE. */
int attrib_postgres_payout(
	const struct attrib_payout_asked *asked, struct attrib_sink_error *error) ATTRIB_MUST_CHECK;

#endif
