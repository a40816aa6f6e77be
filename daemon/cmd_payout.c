/*
 * attribd payout create|list|paid|cancel: what creators are to be paid for approved commissions.
 */
#include <stdio.h>
#include <string.h>

#include "cmd.h"

#define REPORT "payouts"

/* A word of the command, and what it takes beside --site and -c. */
struct word {
	const char *name;
	unsigned options;
	bool numbered; /* the number of a payout stands behind it */
	enum attrib_payout_act act;
};

static const struct word words[] = {
	{"create", CMD_OPTION_CREATOR | CMD_OPTION_TO | CMD_OPTION_MIN, false,
		ATTRIB_PAYOUT_CREATE},
	{"list", CMD_OPTION_CREATOR | CMD_OPTION_FORMAT, false, 0},
	{"paid", CMD_OPTION_REFERENCE | CMD_OPTION_ON, true, ATTRIB_PAYOUT_PAID},
	{"cancel", 0, true, ATTRIB_PAYOUT_CANCEL},
};
#define WORD_COUNT (sizeof words / sizeof *words)
#define WORD_OPTIONS                                                                               \
	(CMD_OPTION_CREATOR | CMD_OPTION_TO | CMD_OPTION_MIN | CMD_OPTION_FORMAT |                 \
		CMD_OPTION_REFERENCE | CMD_OPTION_ON)

static int read_word(const struct cmd_line *line, const struct word **out)
{
	const struct word *word = NULL;

	for (size_t i = 0; i < WORD_COUNT; i++) {
		if (strcmp(words[i].name, line->operands[1]) == 0)
			word = &words[i];
	}
	if (!word) {
		cmd_complain("payout: expected create, list, paid or cancel, got \"%s\"",
			line->operands[1]);
		return EX_USAGE;
	}
	if (line->given & WORD_OPTIONS & ~word->options) {
		cmd_complain("payout %s does not take one of these options; see attribd help "
			     "payout",
			word->name);
		return EX_USAGE;
	}
	if (line->operand_count != (word->numbered ? 3 : 2)) {
		cmd_complain("payout %s: expected %s", word->name,
			word->numbered ? "the number of one payout" : "nothing behind it");
		return EX_USAGE;
	}
	*out = word;
	return EX_OK;
}

static int failed(int err, const struct attrib_sink_error *error)
{
	if (err == ATTRIB_E_INVALID) {
		cmd_complain("payout: %s", error->text);
		return EX_DATAERR;
	}
	if (err == ATTRIB_E_IO) {
		cmd_complain("standard output: %s", attrib_error_text(err));
		return EX_IOERR;
	}
	return err ? cmd_database_failed(err, error) : EX_OK;
}

static void print_payout(void *arg, const struct attrib_payout *p)
{
	++*(unsigned long *)arg;
	printf("payout %s: %s %s %s to %s, %s commission%s, %s\n", p->number, p->site, p->amount,
		p->currency, p->creator, p->lines, strcmp(p->lines, "1") ? "s" : "", p->state);
}

static int act(const struct cmd_line *line, const struct word *word, const char *conninfo,
	const char *site)
{
	struct attrib_sink_error error = {0};
	unsigned long n = 0;
	struct attrib_payout_asked asked = {.conninfo = conninfo,
		.act = word->act,
		.site = site,
		.creator = line->creator,
		.day = word->act == ATTRIB_PAYOUT_PAID ? line->on : line->to,
		.min = line->min,
		.number = word->numbered ? line->operands[2] : NULL,
		.reference = line->reference,
		.row = print_payout,
		.arg = &n};
	int err = attrib_postgres_payout(&asked, &error);

	if (!err && n == 0)
		printf("nothing is to be paid\n");
	if (!err && fflush(stdout))
		err = ATTRIB_E_IO;
	return failed(err, &error);
}

static int list(const struct cmd_line *line, const char *conninfo, const char *site)
{
	struct attrib_report report = {
		.conninfo = conninfo, .name = REPORT, .site = site, .creator = line->creator};
	int status = cmd_read_format(line->format, &report.format);

	return status ? status : cmd_print_report(&report);
}

int cmd_payout(const struct cmd_line *line)
{
	const struct attribd_site_config *site;
	struct attribd_config *config;
	const struct word *word;
	int status = read_word(line, &word);

	if (!status)
		status = cmd_load_config(line->config, &config);
	if (status)
		return status;
	status = cmd_pick_site(line, config, &site);
	if (!status && !site && strcmp(word->name, "create") == 0) {
		cmd_complain("payout create: expected --site, the configuration has several");
		status = EX_USAGE;
	}
	if (!status) {
		const char *name = site ? site->site.name.p : NULL;

		status = strcmp(word->name, "list") == 0 ? list(line, config->postgres, name)
							 : act(line, word, config->postgres, name);
	}
	attribd_config_free(config);
	return status;
}
