/*
 * The kinds of values that settings have: texts, secrets and words. Numbers and
 * times are in config_units.c, addresses and lists in config_net.c.
 *
 * A parse function leaves its record untouched when it refuses; what a good value looks like is said
 * once, by the caller, from the row.
 */
#include "attrib/state_redis.h"
#include "attrib/text.h"
#include "config_table.h"

#define NAME_MAX_BYTES 64
#define URL_MAX_BYTES  2048

static void *field(const struct config_setting *setting, void *record)
{
	return (char *)record + setting->at;
}

static const void *value_of(const struct config_setting *setting, const void *record)
{
	return (const char *)record + setting->at;
}

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool config_is_name(struct attrib_str s)
{
	if (s.n == 0 || s.n > NAME_MAX_BYTES)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!is_alnum(s.p[i]) && !memchr("_-.", s.p[i], 3))
			return false;
	}
	return true;
}

/* -- texts -------------------------------------------------------------------------------------- */

static int parse_text(const struct config_setting *setting, struct attrib_arena *arena,
	struct attrib_str text, void *record)
{
	struct attrib_str copy;

	if (text.n < (size_t)setting->min)
		return ATTRIB_E_INVALID;
	copy = attrib_arena_str(arena, text);
	if (!copy.p)
		return ATTRIB_E_NOMEM;
	*(const char **)field(setting, record) = copy.p;
	return 0;
}

static void print_text(
	const struct config_setting *setting, const void *record, struct attrib_buf *out)
{
	attrib_buf_str(out, attrib_str_of(*(const char *const *)value_of(setting, record)));
}

const struct config_type config_type_text = {
	.expected = "a path", .parse = parse_text, .print = print_text};

/* Where a value ends that stands behind "password=": quoted or not, in a URI or in keyword form.
 * Text right behind a closing quote is masked, too: it is a mistake, but perhaps of the password. */
static size_t password_end(struct attrib_str s, size_t at, bool uri)
{
	bool quoted = false;

	for (; at < s.n; at++) {
		if (!uri && s.p[at] == '\\')
			at++;
		else if (!uri && s.p[at] == '\'')
			quoted = !quoted;
		else if (!quoted && s.p[at] == (uri ? '&' : ' '))
			return at;
	}
	return s.n;
}

/* The position behind "password =" at or after `from`, or the end. */
static size_t password_start(struct attrib_str s, size_t from)
{
	static const char word[] = "password";

	for (size_t i = from; i + sizeof word - 1 <= s.n; i++) {
		size_t at = i + sizeof word - 1;
		if (memcmp(s.p + i, word, sizeof word - 1) != 0)
			continue;
		while (at < s.n && s.p[at] == ' ')
			at++;
		if (at == s.n || s.p[at] != '=')
			continue;
		while (++at < s.n && s.p[at] == ' ')
			;
		return at;
	}
	return s.n;
}

/* postgresql://user:PASSWORD@host: writes up to and with the '@'; returns how far it came. */
static size_t mask_user_info(struct attrib_str s, struct attrib_buf *out)
{
	const char *start = strstr(s.p, "://") + 3, *colon, *at;
	size_t authority = strcspn(start, "/?");

	at = memrchr(start, '@', authority);
	colon = at ? memchr(start, ':', (size_t)(at - start)) : NULL;
	if (!colon)
		return 0;
	attrib_buf_put(out, s.p, (size_t)(colon + 1 - s.p));
	attrib_buf_str(out, ATTRIB_STR("***@"));
	return (size_t)(at + 1 - s.p);
}

static void mask_conninfo(
	const struct config_setting *setting, const void *record, struct attrib_buf *out)
{
	struct attrib_str s = attrib_str_of(*(const char *const *)value_of(setting, record));
	bool uri = strncmp(s.p, "postgresql://", 13) == 0 || strncmp(s.p, "postgres://", 11) == 0;
	size_t done = uri ? mask_user_info(s, out) : 0;

	while (done < s.n) {
		size_t start = password_start(s, done);
		attrib_buf_put(out, s.p + done, start - done);
		done = password_end(s, start, uri);
		if (done > start)
			attrib_buf_str(out, ATTRIB_STR("***"));
	}
}

const struct config_type config_type_conninfo = {.expected = "a PostgreSQL connection string",
	.secret = true,
	.parse = parse_text,
	.print = print_text,
	.mask = mask_conninfo};

static int parse_state(const struct config_setting *setting, struct attrib_arena *arena,
	struct attrib_str text, void *record)
{
	const char **out = field(setting, record), *before = *out;
	int err = parse_text(setting, arena, text, record);

	if (err || !strcmp(*out, "memory") || !attrib_redis_url_problem(*out))
		return err;
	*out = before;
	return ATTRIB_E_INVALID;
}

static void mask_state(
	const struct config_setting *setting, const void *record, struct attrib_buf *out)
{
	struct attrib_str s = attrib_str_of(*(const char *const *)value_of(setting, record));
	size_t done = strstr(s.p, "://") ? mask_user_info(s, out) : 0;

	attrib_buf_put(out, s.p + done, s.n - done);
}

const struct config_type config_type_state = {
	.expected = "memory, redis://[[user]:password@]host[:port][/db] or "
		    "unix:[//[user]:password@]/path[?db=n] (TLS: by a local stunnel)",
	.secret = true,
	.parse = parse_state,
	.print = print_text,
	.mask = mask_state};

/* One name that may be left out: what the row's help says. */
static int parse_source(const struct config_setting *setting, struct attrib_arena *arena,
	struct attrib_str text, void *record)
{
	struct attrib_str *out = field(setting, record);

	if (text.n && !config_is_name(text))
		return ATTRIB_E_INVALID;
	*out = text.n ? attrib_arena_str(arena, text) : ATTRIB_STR_NONE;
	return text.n && !out->p ? ATTRIB_E_NOMEM : 0;
}

static void print_str(
	const struct config_setting *setting, const void *record, struct attrib_buf *out)
{
	attrib_buf_str(out, *(const struct attrib_str *)value_of(setting, record));
}

const struct config_type config_type_source = {
	.expected = "at most 64 letters, digits, '_', '-' or '.'",
	.parse = parse_source,
	.print = print_str};

static bool is_exclusion(struct attrib_str item)
{
	struct attrib_str name, what = attrib_str_split(item, ':', &name);

	if (attrib_str_eq(item, ATTRIB_STR("test")) ||
		attrib_str_eq(item, ATTRIB_STR("zero_total")))
		return true;
	return name.n && (attrib_str_eq(what, ATTRIB_STR("source")) ||
				 attrib_str_eq(what, ATTRIB_STR("kind")) ||
				 attrib_str_eq(what, ATTRIB_STR("tag")));
}

/* Folded, because what is compared with it is. */
static int parse_items(const struct config_setting *setting, struct attrib_arena *arena,
	struct attrib_str text, void *record, bool is_item(struct attrib_str item))
{
	struct attrib_str *out = field(setting, record), rest = attrib_fold(arena, text), item;
	char *list = attrib_arena_raw(arena, rest.n + 1);
	size_t n = 0;

	if (!list || (text.n && !rest.p))
		return ATTRIB_E_NOMEM;
	while (rest.n) {
		item = attrib_str_trim(attrib_str_split(rest, ',', &rest));
		if (!is_item(item) || (rest.p && rest.n == 0))
			return ATTRIB_E_INVALID;
		if (n)
			list[n++] = ',';
		memcpy(list + n, item.p, item.n);
		n += item.n;
	}
	*out = (struct attrib_str){list, n};
	return 0;
}

static int parse_exclusions(const struct config_setting *setting, struct attrib_arena *arena,
	struct attrib_str text, void *record)
{
	return parse_items(setting, arena, text, record, is_exclusion);
}

static bool is_state(struct attrib_str item)
{
	struct attrib_str meaning, name = attrib_str_split(item, ':', &meaning);

	return name.n && (attrib_str_eq(meaning, ATTRIB_STR("paid")) ||
				 attrib_str_eq(meaning, ATTRIB_STR("unpaid")) ||
				 attrib_str_eq(meaning, ATTRIB_STR("cancelled")));
}

static int parse_states(const struct config_setting *setting, struct attrib_arena *arena,
	struct attrib_str text, void *record)
{
	return parse_items(setting, arena, text, record, is_state);
}

const struct config_type config_type_states = {
	.expected = "NAME:paid, NAME:unpaid or NAME:cancelled, separated by commas, or nothing",
	.parse = parse_states,
	.print = print_str};

const struct config_type config_type_exclusions = {
	.expected = "test, zero_total, source:NAME, kind:NAME or tag:NAME, separated by commas",
	.parse = parse_exclusions,
	.print = print_str};

static bool is_forward_event(struct attrib_str item)
{
	return attrib_str_eq(item, ATTRIB_STR("conversion.created")) ||
	       attrib_str_eq(item, ATTRIB_STR("conversion.adjusted"));
}

static int parse_forward_events(const struct config_setting *setting, struct attrib_arena *arena,
	struct attrib_str text, void *record)
{
	return text.n ? parse_items(setting, arena, text, record, is_forward_event)
		      : ATTRIB_E_INVALID;
}

const struct config_type config_type_forward_events = {
	.expected = "conversion.created, conversion.adjusted, or both, separated by a comma",
	.parse = parse_forward_events,
	.print = print_str};

/* Visible ASCII with a host behind the scheme and nobody's name and password before it. */
static bool is_url(struct attrib_str s)
{
	size_t scheme = s.n > 8 && memcmp(s.p, "https://", 8) == 0  ? 8
			: s.n > 7 && memcmp(s.p, "http://", 7) == 0 ? 7
								    : 0;
	size_t host = scheme;

	while (host < s.n && !memchr("/?#", s.p[host], 3))
		host++;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '\\')
			return false;
	}
	return scheme && host > scheme && s.n <= URL_MAX_BYTES &&
	       !memchr(s.p + scheme, '@', host - scheme);
}

static int parse_url(const struct config_setting *setting, struct attrib_arena *arena,
	struct attrib_str text, void *record)
{
	struct attrib_str *out = field(setting, record);

	if (text.n && !is_url(text))
		return ATTRIB_E_INVALID;
	*out = text.n ? attrib_arena_str(arena, text) : ATTRIB_STR_NONE;
	return text.n && !out->p ? ATTRIB_E_NOMEM : 0;
}

const struct config_type config_type_url = {
	.expected = "http:// or https:// with a host and without name and password, or nothing",
	.parse = parse_url,
	.print = print_str};

/* -- secrets ------------------------------------------------------------------------------------ */

static bool is_secret(struct attrib_str s)
{
	if (s.n == 0 || s.n > 255)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	}
	return true;
}

static int parse_secret(const struct config_setting *setting, struct attrib_arena *arena,
	struct attrib_str text, void *record)
{
	struct attrib_str found[2] = {ATTRIB_STR_NONE, ATTRIB_STR_NONE}, rest = text, *out;
	int64_t n = 0;

	while (rest.n) {
		struct attrib_str one = attrib_str_trim(attrib_str_split(rest, ',', &rest));
		if (n == setting->max || !is_secret(one) || (rest.p && rest.n == 0))
			return ATTRIB_E_INVALID;
		found[n] = attrib_arena_str(arena, one);
		if (!found[n++].p)
			return ATTRIB_E_NOMEM;
	}
	out = field(setting, record);
	memcpy(out, found, (size_t)setting->max * sizeof *out);
	return 0;
}

static void print_secret(
	const struct config_setting *setting, const void *record, struct attrib_buf *out)
{
	const struct attrib_str *secrets = value_of(setting, record);

	for (int64_t i = 0; i < setting->max && secrets[i].n; i++) {
		if (i)
			attrib_buf_char(out, ',');
		attrib_buf_str(out, secrets[i]);
	}
}

static void mask_secret(
	const struct config_setting *setting, const void *record, struct attrib_buf *out)
{
	const struct attrib_str *secrets = value_of(setting, record);

	for (int64_t i = 0; i < setting->max && secrets[i].n; i++)
		attrib_buf_str(out, i ? ATTRIB_STR(",***") : ATTRIB_STR("***"));
}

const struct config_type config_type_secret = {
	.secret = true, .parse = parse_secret, .print = print_secret, .mask = mask_secret};

/* -- words -------------------------------------------------------------------------------------- */

static const struct config_word *word_of(const struct config_setting *setting, struct attrib_str s)
{
	for (const struct config_word *w = setting->words; w->text; w++) {
		if (attrib_str_eq(s, attrib_str_of(w->text)))
			return w;
	}
	return NULL;
}

static int parse_words(const struct config_setting *setting, struct attrib_arena *arena,
	struct attrib_str text, void *record)
{
	const struct config_word *w = word_of(setting, text);

	(void)arena;
	if (!w)
		return ATTRIB_E_INVALID;
	if (setting->size == sizeof(bool))
		*(bool *)field(setting, record) = w->value != 0;
	else
		memcpy(field(setting, record), &w->value, sizeof w->value);
	return 0;
}

static void print_words(
	const struct config_setting *setting, const void *record, struct attrib_buf *out)
{
	int value = 0;

	if (setting->size == sizeof(bool))
		value = *(const bool *)value_of(setting, record);
	else
		memcpy(&value, value_of(setting, record), sizeof value);
	for (const struct config_word *w = setting->words; w->text; w++) {
		if (w->value == value)
			attrib_buf_str(out, attrib_str_of(w->text));
	}
}

const struct config_type config_type_words = {.parse = parse_words, .print = print_words};

/* The word itself is the value: a text that lives as long as the program. */
static int parse_word_text(const struct config_setting *setting, struct attrib_arena *arena,
	struct attrib_str text, void *record)
{
	const struct config_word *w = word_of(setting, text);

	(void)arena;
	if (!w)
		return ATTRIB_E_INVALID;
	*(struct attrib_str *)field(setting, record) = attrib_str_of(w->text);
	return 0;
}

const struct config_type config_type_word_text = {.parse = parse_word_text, .print = print_str};
