/*
 * The sink that keeps nothing: what the engine costs alone is measured against it.
 */
#include <stdlib.h>

#include "attrib/sink.h"

struct null_sink {
	struct attrib_sink sink;
	struct attrib_sink_error error;
	uint64_t epoch;
};

static int null_attach(struct attrib_sink *sink, struct attrib_sink_attach *out)
{
	struct null_sink *s = (struct null_sink *)sink;

	*out = (struct attrib_sink_attach){.epoch = ++s->epoch};
	return 0;
}

static int null_flush(
	struct attrib_sink *sink, const struct attrib_batch_view *batch, uint64_t catalog_version)
{
	(void)sink;
	(void)batch;
	(void)catalog_version;
	return 0;
}

static const struct attrib_sink_error *null_error(const struct attrib_sink *sink)
{
	return &((const struct null_sink *)sink)->error;
}

static void null_free(struct attrib_sink *sink)
{
	free(sink);
}

static const struct attrib_sink_ops null_ops = {
	.name = "null",
	.attach = null_attach,
	.flush = null_flush,
	.error = null_error,
	.free = null_free,
};

int attrib_sink_null_new(struct attrib_sink **out)
{
	struct null_sink *s = calloc(1, sizeof *s);

	if (!s)
		return ATTRIB_E_NOMEM;
	s->sink.ops = &null_ops;
	*out = &s->sink;
	return 0;
}
