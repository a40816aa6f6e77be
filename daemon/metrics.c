/*
 * Counting without sharing. A counter that all workers wrote would bounce one cache line between
 * the cores with every request; here a thread writes only its own slots with plain stores, and the
 * rare reader walks the list of all threads' slots. Slots are never freed: threads live as long as
 * the daemon, and what an ended one counted must not vanish from a counter.
 */
#include "metrics.h"

#include <stdatomic.h>
#include <stdlib.h>

#define CACHE_LINE 64

struct slots {
	_Alignas(CACHE_LINE) _Atomic int64_t value[ATTRIBD_METRIC_COUNT];
	struct slots *next; /* set before the list sees it, then constant */
};

static _Thread_local struct slots *own;
static struct slots *_Atomic all_slots;
/* What was set, and the additions of threads for which memory was out. */
static struct slots shared;

static const struct {
	const char *type, *family, *labels, *help;
} table[] = {
#define X(name, type, family, labels, help) {#type, family, labels, help},
	ATTRIBD_METRICS(X)
#undef X
};

static struct slots *slots_of_thread(void)
{
	size_t size = (sizeof(struct slots) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
	struct slots *s;

	if (own)
		return own;
	s = aligned_alloc(CACHE_LINE, size);
	if (!s)
		return NULL;
	for (size_t i = 0; i < ATTRIBD_METRIC_COUNT; i++)
		atomic_init(&s->value[i], 0);
	s->next = atomic_load_explicit(&all_slots, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(
		&all_slots, &s->next, s, memory_order_release, memory_order_relaxed))
		;
	return own = s;
}

void attribd_metric_add(enum attribd_metric metric, int64_t amount)
{
	struct slots *s = slots_of_thread();

	if (!s) {
		atomic_fetch_add_explicit(&shared.value[metric], amount, memory_order_relaxed);
		return;
	}
	/* one writer: a load and a store are enough, and cost no bus lock */
	int64_t value = atomic_load_explicit(&s->value[metric], memory_order_relaxed);
	atomic_store_explicit(&s->value[metric], value + amount, memory_order_relaxed);
}

void attribd_metric_set(enum attribd_metric metric, int64_t value)
{
	atomic_store_explicit(&shared.value[metric], value, memory_order_relaxed);
}

int64_t attribd_metric_value(enum attribd_metric metric)
{
	int64_t sum = atomic_load_explicit(&shared.value[metric], memory_order_relaxed);
	const struct slots *s = atomic_load_explicit(&all_slots, memory_order_acquire);

	for (; s; s = s->next)
		sum += atomic_load_explicit(&s->value[metric], memory_order_relaxed);
	return sum;
}

void attribd_metrics_write(struct attrib_buf *out)
{
	const char *family = "";

	for (int i = 0; i < ATTRIBD_METRIC_COUNT; i++) {
		const char *labels = table[i].labels;
		if (strcmp(family, table[i].family) != 0) {
			family = table[i].family;
			attrib_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", family,
				table[i].help, family, table[i].type);
		}
		attrib_buf_printf(out, *labels ? "%s{%s} %lld\n" : "%s%s %lld\n", family, labels,
			(long long)attribd_metric_value((enum attribd_metric)i));
	}
}
