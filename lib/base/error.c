/*
 * The error table, turned from error.h's one list into rows that can be looked up.
 */
#include "attrib/error.h"

struct row {
	const char *code, *text;
	int http;
	bool retryable;
};

static const struct row rows[ATTRIB_EI_COUNT] = {[ATTRIB_EI_OK] = {"ok", "no error", 200, false},
#define X(name, client_code, status, retry, message)                                               \
	[ATTRIB_EI_##name] = {client_code, message, status, retry},
	ATTRIB_ERRORS(X)
#undef X
};
static const struct row unknown = {"unknown", "unknown error", 500, false};

static const struct row *row_of(int err)
{
	return err <= 0 && err > -ATTRIB_EI_COUNT ? &rows[-err] : &unknown;
}

const char *attrib_error_code(int err)
{
	return row_of(err)->code;
}

const char *attrib_error_text(int err)
{
	return row_of(err)->text;
}

int attrib_error_http(int err)
{
	return row_of(err)->http;
}

bool attrib_error_retryable(int err)
{
	return row_of(err)->retryable;
}
