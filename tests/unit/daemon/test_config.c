/* The configuration: what a file means, and that every mistake in it is told with its line. */
#include "files.h"

#include "config.h"

static struct attribd_config *load_ok(const char *text)
{
	struct attribd_config *config = NULL;
	struct attrib_buf problems;
	int err;

	attrib_buf_init(&problems);
	err = attribd_config_load(files_text("attribd.conf", text), &config, &problems);
	if (err)
		print_error("%.*s", (int)problems.n, (const char *)problems.p);
	assert_int_equal(err, 0);
	assert_int_equal(problems.n, 0);
	attrib_buf_done(&problems);
	return config;
}

/* The problems of a file, with "FILE" for its name; the caller frees them. */
static char *problems_of(const char *text, size_t n)
{
	const char *file = files_write("attribd.conf", text, n);
	struct attribd_config *config = NULL;
	struct attrib_buf problems, out;
	struct attrib_str rest, line;
	size_t length = strlen(file);

	attrib_buf_init(&problems);
	attrib_buf_init(&out);
	assert_int_equal(attribd_config_load(file, &config, &problems), ATTRIB_E_CONFIG);
	assert_null(config);
	rest = attrib_buf_view(&problems);
	while (rest.n) {
		line = attrib_str_split(rest, '\n', &rest);
		assert_true(line.n > length && memcmp(line.p, file, length) == 0);
		attrib_buf_printf(&out, "FILE%.*s\n", (int)(line.n - length), line.p + length);
	}
	attrib_buf_char(&out, 0);
	attrib_buf_done(&problems);
	return (char *)out.p;
}

static void refused(const char *text, const char *expected)
{
	char *problems = problems_of(text, strlen(text));

	assert_string_equal(problems, expected);
	free(problems);
}

static void check(struct attrib_str s, const char *expected)
{
	char text[512];

	snprintf(text, sizeof text, "%.*s", (int)s.n, s.p ? s.p : "");
	assert_string_equal(text, expected);
}

static void an_empty_file_is_all_defaults(void **state)
{
	struct attribd_config *c = load_ok("");

	(void)state;
	assert_string_equal(c->listen.host, "0.0.0.0");
	assert_int_equal(c->listen.port, 8080);
	assert_string_equal(c->admin_listen.host, "127.0.0.1");
	assert_int_equal(c->admin_listen.port, 8081);
	assert_string_equal(c->state_dir, "/var/lib/attribd");
	assert_string_equal(c->secret_file, "/var/lib/attribd/secret");
	assert_string_equal(c->state, "memory");
	assert_int_equal(c->max_instance_lag_us, 7 * ATTRIB_US_PER_DAY);
	assert_string_equal(c->postgres, "postgresql:///attrib");
	assert_in_range(c->workers, 1, 64);
	assert_int_equal(c->flush_interval_us, ATTRIB_US_PER_S);
	assert_int_equal(c->dedupe_us, 7 * ATTRIB_US_PER_DAY);
	assert_int_equal(c->trusted_proxy_count, 0);
	assert_int_equal(c->head_timeout_us, 10 * ATTRIB_US_PER_S);
	assert_int_equal(c->body_timeout_us, 30 * ATTRIB_US_PER_S);
	assert_int_equal(c->redirect_timeout_us, 200000);
	assert_int_equal(c->webhook_timeout_us, 800000);
	assert_int_equal(c->journal_segment_size, 64 << 20);
	assert_int_equal(c->journal_retain_us, 7 * ATTRIB_US_PER_DAY);
	assert_int_equal(c->journal_retain_bytes, 0);
	assert_int_equal(c->site_count, 0);
	attribd_config_free(c);
}

static void a_site_that_states_nothing_has_the_default_policy(void **state)
{
	struct attribd_config *c = load_ok("[site acme]\n");
	struct attrib_policy expected;
	const struct attribd_site_config *site = &c->sites[0];

	(void)state;
	attrib_policy_defaults(&expected);
	assert_int_equal(c->site_count, 1);
	check(site->site.name, "acme");
	assert_memory_equal(
		site->site.policy.window_us, expected.window_us, sizeof expected.window_us);
	assert_int_equal(site->site.policy.version, expected.version);
	assert_int_equal(site->site.policy.code_grace_us, expected.code_grace_us);
	assert_int_equal(site->site.policy.collapse_us, expected.collapse_us);
	assert_int_equal(site->site.policy.code_rule, expected.code_rule);
	assert_int_equal(site->site.policy.browser_orders, expected.browser_orders);
	assert_int_equal(site->site.policy.count_at_created, expected.count_at_created);
	assert_int_equal(site->site.policy.scope_all, expected.scope_all);
	assert_int_equal(site->site.policy.repeat_first, expected.repeat_first);
	assert_int_equal(site->site.policy.renewals, expected.renewals);
	assert_int_equal(site->site.policy.lead_window_us, expected.lead_window_us);
	assert_int_equal(site->site.policy.lock_after_us, expected.lock_after_us);
	assert_int_equal(site->site.policy.max_late_us, expected.max_late_us);
	assert_int_equal(
		site->site.policy.time_decay_half_life_us, expected.time_decay_half_life_us);
	assert_int_equal(site->site.policy.revenue_basis, expected.revenue_basis);
	assert_string_equal(site->site.policy.currency, expected.currency);
	assert_int_equal(site->site.policy.primary_model, expected.primary_model);
	assert_int_equal(site->site.policy.order_source.n, 0);
	assert_ptr_equal(site->intake.site, &site->site);
	assert_int_equal(site->intake.affiliate_param_count, 2);
	check(site->intake.affiliate_params[0], "ref");
	check(site->intake.affiliate_params[1], "aff");
	check(site->customer_history, "partial");
	check(site->cost_spread, "direct_cost");
	check(site->site.time_zone, "UTC");
	assert_int_equal(attrib_zone_offset(site->site.zone, 0), 0);
	attribd_config_free(c);
}

/* The file of the contract, comments and all. */
static const char contract[] =
	"[attribd]\n"
	"listen = [::]:9080            ; public\n"
	"admin_listen = 127.0.0.1:9081 ; loopback unless a token is set\n"
	"state_dir = /srv/attrib\n"
	"state = redis://:word@shop:7000/3 ; or memory\n"
	"max_instance_lag = 2d\n"
	"secret_file = /etc/attribd/secret\n"
	"postgres = host=/run/pg dbname=attrib user=attrib password='it''s' ; any\n"
	"workers = 3\n"
	"flush_interval = 250ms\n"
	"trusted_proxies = 10.1.2.3/8, 2001:db8::/32,192.0.2.7\n"
	"dedupe = 14d\n"
	"journal.quota = 10G\n"
	"journal.retain = 36h\n"
	"journal.retain_bytes = 5G\n"
	"\n"
	"# a comment of the other kind\n"
	"[site acme]\n"
	"write_key = wk-1, wk;2 ; two, for a rotation\n"
	"public_key = pk_1\n"
	"webhook_secret.shopify = shpss_1\n"
	"webhook_secret.standard = whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw,whsec_c2Vjb25k\n"
	"time_zone = Europe/Berlin\n"
	"currency = JPY\n"
	"revenue_basis = total\n"
	"count_at = created\n"
	"window.link = 7d\n"
	"window.affiliate = 0\n"
	"window.utm = 12h\n"
	"window.view = 1d\n"
	"code_grace = 0\n"
	"collapse = 45m\n"
	"code_rule = if_winner\n"
	"browser_orders = count\n"
	"order_source = shopify\n"
	"exclude = Test , tag:Gift  Box,source:pos\n"
	"affiliate_params = REF\n"
	"own_hosts = Shop.example, www.shop.example\n"
	"order_states.woocommerce = Packed:paid , lost:cancelled\n"
	"origins = https://Shop.example, http://shop.example:8080\n"
	"cookie_domain = .shop.example\n"
	"public_url = https://go.shop.example:8443/a//\n"
	"consent = required\n"
	"customer_history = complete\n"
	"model.primary = linear\n"
	"model.scope = all\n"
	"model.half_life = 3d\n"
	"repeat_orders = first\n"
	"renewals = months:12\n"
	"lead_window = 10d\n"
	"cost_spread = equal\n"
	"lock_after = 60d\n"
	"max_late = 1d\n"
	"  [ site two ]\n"
	"  code_rule = never\n";

static void every_setting_reaches_its_field(void **state)
{
	struct attribd_config *c = load_ok(contract);
	const struct attribd_site_config *site = &c->sites[0];
	const struct attrib_policy *p = &site->site.policy;

	(void)state;
	assert_string_equal(c->listen.host, "::");
	assert_int_equal(c->listen.port, 9080);
	assert_string_equal(c->secret_file, "/etc/attribd/secret");
	assert_string_equal(c->state, "redis://:word@shop:7000/3");
	assert_int_equal(c->max_instance_lag_us, 2 * ATTRIB_US_PER_DAY);
	assert_string_equal(c->postgres, "host=/run/pg dbname=attrib user=attrib password='it''s'");
	assert_int_equal(c->workers, 3);
	assert_int_equal(c->flush_interval_us, 250000);
	assert_int_equal(c->dedupe_us, 14 * ATTRIB_US_PER_DAY);
	assert_int_equal(c->journal_quota, (int64_t)10 << 30);
	assert_int_equal(c->journal_retain_us, 36 * 3600 * ATTRIB_US_PER_S);
	assert_int_equal(c->journal_retain_bytes, (int64_t)5 << 30);
	assert_int_equal(c->site_count, 2);
	check(site->write_keys[0], "wk-1");
	check(site->write_keys[1], "wk;2");
	check(site->public_key, "pk_1");
	check(site->webhook_secrets[ATTRIB_VENDOR_SHOPIFY][0], "shpss_1");
	check(site->webhook_secrets[ATTRIB_VENDOR_STANDARD][1], "whsec_c2Vjb25k");
	check(site->webhook_secrets[ATTRIB_VENDOR_STRIPE][0], "");
	check(site->site.time_zone, "Europe/Berlin");
	assert_int_equal(attrib_zone_offset(site->site.zone, 1750000000 * ATTRIB_US_PER_S), 7200);
	assert_string_equal(p->currency, "JPY");
	assert_int_equal(p->revenue_basis, ATTRIB_BASIS_TOTAL);
	assert_true(p->count_at_created);
	assert_int_equal(p->window_us[ATTRIB_CHANNEL_LINK], 7 * ATTRIB_US_PER_DAY);
	assert_int_equal(p->window_us[ATTRIB_CHANNEL_AFFILIATE], 0);
	assert_int_equal(p->window_us[ATTRIB_CHANNEL_UTM], 12 * ATTRIB_US_PER_HOUR);
	assert_int_equal(p->window_us[ATTRIB_CHANNEL_VIEW], ATTRIB_US_PER_DAY);
	assert_int_equal(p->code_grace_us, 0);
	assert_int_equal(p->collapse_us, 45 * ATTRIB_US_PER_MIN);
	assert_int_equal(p->code_rule, ATTRIB_CODE_RULE_IF_WINNER);
	assert_int_equal(p->browser_orders, ATTRIB_BROWSER_COUNT);
	check(p->order_source, "shopify");
	check(p->exclude, "test,tag:gift  box,source:pos");
	assert_int_equal(site->intake.affiliate_param_count, 1);
	check(site->intake.affiliate_params[0], "ref");
	assert_int_equal(site->intake.own_host_count, 2);
	check(site->intake.own_hosts[0], "shop.example");
	assert_int_equal(site->origin_count, 2);
	check(site->origins[0], "https://shop.example");
	check(site->origins[1], "http://shop.example:8080");
	check(site->intake.woocommerce_states, "packed:paid,lost:cancelled");
	check(site->intake.cookie_domain, ".shop.example");
	check(site->public_url, "https://go.shop.example:8443/a");
	assert_true(site->intake.consent_required);
	check(site->customer_history, "complete");
	assert_int_equal(p->primary_model, ATTRIB_MODEL_LINEAR);
	assert_true(p->scope_all);
	assert_int_equal(p->time_decay_half_life_us, 3 * ATTRIB_US_PER_DAY);
	assert_true(p->repeat_first);
	assert_int_equal(p->renewals, ATTRIB_RENEWALS_MONTHS);
	assert_int_equal(p->renewal_months, 12);
	assert_int_equal(p->lead_window_us, 10 * ATTRIB_US_PER_DAY);
	check(site->cost_spread, "equal");
	assert_int_equal(p->lock_after_us, 60 * ATTRIB_US_PER_DAY);
	assert_int_equal(p->max_late_us, ATTRIB_US_PER_DAY);
	assert_int_equal(c->sites[1].site.policy.code_rule, ATTRIB_CODE_RULE_NEVER);
	attribd_config_free(c);
}

static void proxies_are_prefixes_of_sixteen_bytes(void **state)
{
	static const uint8_t ten[16] = {[10] = 0xff, [11] = 0xff, [12] = 10};
	static const uint8_t db8[16] = {0x20, 0x01, 0x0d, 0xb8};
	struct attribd_config *c = load_ok(contract);

	(void)state;
	assert_int_equal(c->trusted_proxy_count, 3);
	assert_int_equal(c->trusted_proxies[0].bits, 104);
	assert_memory_equal(c->trusted_proxies[0].address, ten, 16);
	assert_int_equal(c->trusted_proxies[1].bits, 32);
	assert_memory_equal(c->trusted_proxies[1].address, db8, 16);
	assert_int_equal(c->trusted_proxies[2].bits, 128);
	attribd_config_free(c);
}

/* A printed configuration; the one secret that has a form of its own needs it to load. */
static struct attribd_config *load_unmasked(const char *printed)
{
	static const char masked[] = "webhook_secret.standard = ***,***\n";
	const char *at = strstr(printed, masked);
	struct attribd_config *config;
	struct attrib_buf text;

	assert_non_null(at);
	attrib_buf_init(&text);
	attrib_buf_put(&text, printed, (size_t)(at - printed));
	attrib_buf_printf(
		&text, "webhook_secret.standard = QUFB,QkJC\n%s%c", at + strlen(masked), 0);
	config = load_ok((char *)text.p);
	attrib_buf_done(&text);
	return config;
}

/* Printing is exact: what it writes loads again, but for the secrets, to the same print. */
static void print_shows_everything_but_secrets(void **state)
{
	struct attribd_config *c = load_ok(contract), *again;
	struct attrib_buf first, second;

	(void)state;
	attrib_buf_init(&first);
	attrib_buf_init(&second);
	attribd_config_print(c, &first);
	attrib_buf_char(&first, 0);
	assert_null(strstr((char *)first.p, "wk-1"));
	assert_null(strstr((char *)first.p, "shpss"));
	assert_null(strstr((char *)first.p, "whsec"));
	assert_null(strstr((char *)first.p, "it'"));
	assert_non_null(strstr((char *)first.p, "write_key = ***,***\n"));
	assert_non_null(strstr((char *)first.p, "password=***\n"));
	assert_non_null(
		strstr((char *)first.p, "trusted_proxies = 10.0.0.0/8,2001:db8::/32,192.0.2.7/32"));
	assert_non_null(strstr((char *)first.p, "renewals = months:12\n"));
	assert_non_null(strstr((char *)first.p, "listen = [::]:9080\n"));
	assert_non_null(strstr((char *)first.p, "window.utm = 12h\n"));
	again = load_unmasked((char *)first.p);
	attribd_config_print(again, &second);
	attrib_buf_char(&second, 0);
	assert_string_equal((char *)first.p, (char *)second.p);
	attrib_buf_done(&first);
	attrib_buf_done(&second);
	attribd_config_free(c);
	attribd_config_free(again);
}

/* What `attribd config` shows of a text that may hold a password; the setting itself keeps it. */
static void printed(const char *setting, const char *value, const char *expected)
{
	char text[512], line[512];
	struct attribd_config *c;
	struct attrib_buf out;

	snprintf(text, sizeof text, "[attribd]\n%s = %s\n", setting, value);
	snprintf(line, sizeof line, "\n%s = %s\n", setting, expected);
	c = load_ok(text);
	assert_string_equal(strcmp(setting, "state") == 0 ? c->state : c->postgres, value);
	attrib_buf_init(&out);
	attribd_config_print(c, &out);
	attrib_buf_char(&out, 0);
	if (!strstr((char *)out.p, line))
		fail_msg("%s not in %s", line, (char *)out.p);
	attrib_buf_done(&out);
	attribd_config_free(c);
}

static void the_state_is_memory_or_a_redis(void **state)
{
	static const char *const bad[] = {"redis", "redis://", "rediss://shop", "unix:a", "Memory"};
	char text[128], *problems;

	(void)state;
	printed("state", "memory", "memory");
	printed("state", "redis://shop:7000/3", "redis://shop:7000/3");
	printed("state", "redis://me:word@shop", "redis://me:***@shop");
	printed("state", "redis://:word@shop/1", "redis://:***@shop/1");
	printed("state", "unix:/run/redis.sock?db=1", "unix:/run/redis.sock?db=1");
	printed("state", "unix://:word@/run/redis.sock", "unix://:***@/run/redis.sock");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		snprintf(text, sizeof text, "[attribd]\nstate = %s\n", bad[i]);
		problems = problems_of(text, strlen(text));
		if (!strstr(problems, "FILE:2: state: expected memory, redis://"))
			fail_msg("%s: %s", bad[i], problems);
		free(problems);
	}
}

static void passwords_of_connection_strings_are_masked(void **state)
{
	(void)state;
	printed("postgres", "postgresql://u@h/d", "postgresql://u@h/d");
	printed("postgres", "postgresql://u:p%40w@h:5432/d", "postgresql://u:***@h:5432/d");
	printed("postgres", "postgres://u:a@b@h", "postgres://u:***@h");
	printed("postgres", "postgresql://h/d?user=u&password=s&sslmode=require",
		"postgresql://h/d?user=u&password=***&sslmode=require");
	printed("postgres", "host=h password=s dbname=d", "host=h password=*** dbname=d");
	printed("postgres", "password = 'a b\\' c' dbname=d", "password = *** dbname=d");
	printed("postgres", "password=s", "password=***");
	printed("postgres", "dbname=password", "dbname=password");
}

static void secrets_may_stand_in_files(void **state)
{
	char text[512];
	struct attribd_config *c;

	(void)state;
	files_text("keys", "wk-a,wk-b\n");
	snprintf(text, sizeof text, "[site acme]\nwrite_key_file = %s\n", files_path("keys"));
	c = load_ok(text);
	check(c->sites[0].write_keys[0], "wk-a");
	check(c->sites[0].write_keys[1], "wk-b");
	attribd_config_free(c);
	snprintf(text, sizeof text, "[site acme]\nwrite_key = x\nwrite_key_file = %s\n",
		files_path("keys"));
	refused(text,
		"FILE:3: write_key_file: expected one value, got a second one (first in line 2)\n");
	refused("[site acme]\nwrite_key_file = /nowhere/keys\n",
		"FILE:2: write_key_file: expected a readable file, got \"/nowhere/keys\" (No such "
		"file or directory)\n");
	files_text("keys", "\n");
	snprintf(text, sizeof text, "[site acme]\nwrite_key_file = %s\n", files_path("keys"));
	refused(text,
		"FILE:2: write_key_file: expected a file with a secret of at most 4096 bytes, "
		"got another file\n");
}

/* One of each kind of mistake, all told at once, in the order of the file. */
static void all_problems_are_told(void **state)
{
	(void)state;
	refused("listen = 127.0.0.1:1\n"
		"[attribd]\n"
		"lisen = 0.0.0.0:8080\n"
		"wholly_else = 1\n"
		"listen = 0.0.0.0\n"
		"workers = 0\n"
		"workers = 2\n"
		"state = rediss://localhost:6379/0\n"
		"dedupe = a week\n"
		"flush_interval = 2m\n"
		"journal.segment_size = 1K\n"
		"max_connections = many\n"
		"trusted_proxies = 10.0.0.0/33\n"
		"no sign of a value\n"
		"[sites acme]\n"
		"currency = nonsense is skipped below a bad head\n"
		"[site acme]\n"
		"currency = eur\n"
		"time_zone = Europe/Atlantis\n"
		"code_rule = sometimes\n"
		"write_key = a,b,c\n"
		"write_key =\n"
		"affiliate_params = a,,b\n"
		"own_hosts = https://shop.example\n"
		"cookie_domain = a b\n"
		"public_url = https://go.shop.example/?x\n"
		"renewals = months:0\n"
		"exclude = test,refunds\n"
		"order_states.woocommerce = packed:sent\n"
		"[site acme]\n"
		"currency = nonsense\n",
		"FILE:1: listen: expected [attribd] or [site NAME] above it, got no section\n"
		"FILE:14: line: expected key = value, [section] or ; comment, got something else\n"
		"FILE:15: [sites acme]: expected [attribd] or [site NAME], NAME of letters, "
		"digits, "
		"'_', '-' and '.', got another section\n"
		"FILE:30: [site acme]: expected one such section, got a second one (first in line "
		"17)\n"
		"FILE:3: lisen: expected a setting of [attribd], got an unknown name (did you mean "
		"listen?)\n"
		"FILE:4: wholly_else: expected a setting of [attribd], got an unknown name\n"
		"FILE:5: listen: expected address:port such as 127.0.0.1:8080 or [::1]:8080, got "
		"\"0.0.0.0\"\n"
		"FILE:6: workers: expected auto or a number from 1 to 256, got \"0\"\n"
		"FILE:7: workers: expected one value, got a second one (first in line 6)\n"
		"FILE:8: state: expected memory, redis://[[user]:password@]host[:port][/db] or "
		"unix:[//[user]:password@]/path[?db=n] (TLS: by a local stunnel), got "
		"something else (not shown)\n"
		"FILE:9: dedupe: expected a duration such as 30d, 12h, 45m, 10s or 250ms from 1m "
		"to "
		"90d, got \"a week\"\n"
		"FILE:10: flush_interval: expected a duration such as 30d, 12h, 45m, 10s or 250ms "
		"from 10ms to 1m, got \"2m\"\n"
		"FILE:11: journal.segment_size: expected a size such as 64M or 2G from 16K to 4G, "
		"got "
		"\"1K\"\n"
		"FILE:12: max_connections: expected a number from 1 to 1000000, got \"many\"\n"
		"FILE:13: trusted_proxies: expected addresses or networks such as 10.0.0.0/8, "
		"separated by commas, got \"10.0.0.0/33\"\n"
		"FILE:18: currency: expected an ISO 4217 currency code such as EUR, got \"eur\"\n"
		"FILE:19: time_zone: expected an IANA time zone such as Europe/Berlin, got "
		"\"Europe/Atlantis\"\n"
		"FILE:20: code_rule: expected always, fallback, if_involved, if_winner or never, "
		"got "
		"\"sometimes\"\n"
		"FILE:21: write_key: expected one secret, or two separated by a comma, got "
		"something "
		"else (not shown)\n"
		"FILE:22: write_key: expected one value, got a second one (first in line 21)\n"
		"FILE:23: affiliate_params: expected names of query parameters, separated by "
		"commas, "
		"got \"a,,b\"\n"
		"FILE:24: own_hosts: expected host names such as shop.example, separated by "
		"commas, "
		"got \"https://shop.example\"\n"
		"FILE:25: cookie_domain: expected a domain such as .shop.example, or nothing, got "
		"\"a "
		"b\"\n"
		"FILE:26: public_url: expected a URL such as https://go.shop.example, or nothing, "
		"got "
		"\"https://go.shop.example/?x\"\n"
		"FILE:27: renewals: expected none, all or months:N with N from 1 to 120, got "
		"\"months:0\"\n"
		"FILE:28: exclude: expected test, zero_total, source:NAME, kind:NAME or "
		"tag:NAME, separated by commas, got \"test,refunds\"\n"
		"FILE:29: order_states.woocommerce: expected NAME:paid, NAME:unpaid or "
		"NAME:cancelled, separated by commas, or nothing, got \"packed:sent\"\n");
}

static void an_origin_is_one_as_browsers_write_it(void **state)
{
	static const char *const bad[] = {"shop.example", "https://", "https://shop.example/",
		"https://shop.example:0", "https://shop.example:", "https://a@shop.example",
		"https://shop.example?x", "ftp://shop.example", "null", "*", "//shop.example"};
	char text[128], problems[256];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		snprintf(text, sizeof text, "[site acme]\norigins = %s\n", bad[i]);
		snprintf(problems, sizeof problems,
			"FILE:2: origins: expected origins such as https://shop.example, separated "
			"by commas, got \"%s\"\n",
			bad[i]);
		refused(text, problems);
	}
}

static void the_tag_has_a_plain_path(void **state)
{
	static const char *const bad[] = {
		"shop.js", "/", "/a b", "/a?b", "/%61", "/a#b", "/\xc3\xa4"};
	struct attribd_config *c = load_ok("[attribd]\ntag_path = /Static/shop-1.js\n");
	char text[128], problems[256];

	(void)state;
	check(c->tag_path, "/Static/shop-1.js");
	attribd_config_free(c);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		snprintf(text, sizeof text, "[attribd]\ntag_path = %s\n", bad[i]);
		snprintf(problems, sizeof problems,
			"FILE:2: tag_path: expected a path such as /shop.js, of letters, digits "
			"and "
			"/ - _ . ~, got \"%s\"\n",
			bad[i]);
		refused(text, problems);
	}
}

static void what_one_row_cannot_see(void **state)
{
	(void)state;
	refused("[attribd]\nadmin_listen = 0.0.0.0:8081\n",
		"FILE:2: admin_listen: expected a loopback address such as 127.0.0.1:8081 because "
		"admin_token is not set, got 0.0.0.0\n");
	refused("[attribd]\nlisten = 127.0.0.1:8081\n",
		"FILE:1: admin_listen: expected another address than that of listen, got the "
		"same\n");
	refused("[site a]\nwrite_key = k1,k2\n[site b]\nwrite_key = k3,k2\npublic_key = k1\n",
		"FILE:4: write_key: expected a key of its own, got one of site a\n"
		"FILE:5: public_key: expected a key of its own, got one of site a\n");
	refused("[site a]\nwrite_key = k1\npublic_key = k1\n",
		"FILE:3: public_key: expected another key than write_key, got the same\n");
	refused("[site a]\nwebhook_secret.stripe = whsec_any\n"
		"webhook_secret.standard = whsec_c2Vjb25k,whsec_any\n",
		"FILE:3: webhook_secret.standard: expected base64 behind whsec_ or alone, as the "
		"sender shows it, got something else (not shown)\n");
	attribd_config_free(load_ok("[attribd]\nadmin_listen = 0.0.0.0:8081\nadmin_token = t\n"));
	attribd_config_free(load_ok("[attribd]\nadmin_listen = [::1]:8081\n"));
	attribd_config_free(load_ok("[attribd]\nadmin_listen = localhost:8081\n"));
}

static void bytes_that_are_no_text_are_refused(void **state)
{
	static const char bad[] = "[attribd]\nworkers = 1\0\nlisten = \xff\n";
	char *problems = problems_of(bad, sizeof bad - 1), *text;
	struct attribd_config *c;

	(void)state;
	assert_string_equal(problems,
		"FILE:2: line: expected UTF-8 text of at most 4095 bytes, got other bytes\n"
		"FILE:3: line: expected UTF-8 text of at most 4095 bytes, got other bytes\n");
	free(problems);
	text = malloc(5000);
	memset(text, 'a', 4999);
	text[4999] = 0;
	memcpy(text, "[attribd]\npostgres = ", 21);
	refused(text,
		"FILE:2: line: expected UTF-8 text of at most 4095 bytes, got a longer one\n");
	text[4000] = 0; /* far beyond the 200 bytes of a stock inih line */
	c = load_ok(text);
	assert_int_equal(strlen(c->postgres), 4000 - 21);
	attribd_config_free(c);
	free(text);
	attribd_config_free(load_ok("\xef\xbb\xbf[attribd]\r\nworkers = 1\r\n"));
}

static void a_missing_file_is_a_problem(void **state)
{
	struct attribd_config *config = NULL;
	struct attrib_buf problems;

	(void)state;
	attrib_buf_init(&problems);
	assert_int_equal(
		attribd_config_load("/nowhere/attribd.conf", &config, &problems), ATTRIB_E_CONFIG);
	attrib_buf_char(&problems, 0);
	assert_string_equal((char *)problems.p,
		"/nowhere/attribd.conf: cannot be opened: No such file or directory\n");
	assert_int_equal(
		attribd_config_load("/nowhere/attribd.conf", &config, NULL), ATTRIB_E_CONFIG);
	attrib_buf_done(&problems);
}

static void keys_name_site_and_trust(void **state)
{
	struct attribd_config *c = load_ok("[site a]\nwrite_key = wa\npublic_key = pa\n"
					   "[site b]\nwrite_key = wb,wc\n");
	enum attrib_trust trust = ATTRIB_TRUST_STRANGER;

	(void)state;
	assert_ptr_equal(attribd_config_key(c, ATTRIB_STR("wa"), &trust), &c->sites[0]);
	assert_int_equal(trust, ATTRIB_TRUST_SIGNED);
	assert_ptr_equal(attribd_config_key(c, ATTRIB_STR("pa"), &trust), &c->sites[0]);
	assert_int_equal(trust, ATTRIB_TRUST_STRANGER);
	assert_ptr_equal(attribd_config_key(c, ATTRIB_STR("wc"), &trust), &c->sites[1]);
	assert_int_equal(trust, ATTRIB_TRUST_SIGNED);
	assert_null(attribd_config_key(c, ATTRIB_STR("w"), &trust));
	assert_null(attribd_config_key(c, ATTRIB_STR_NONE, &trust)); /* keys that are not set */
	assert_ptr_equal(attribd_config_site(c, ATTRIB_STR("b")), &c->sites[1]);
	assert_null(attribd_config_site(c, ATTRIB_STR("B")));
	attribd_config_free(c);
}

static void restart_diff(const char *a, const char *b, const char *expected)
{
	struct attribd_config *ca = load_ok(a), *cb = load_ok(b);
	struct attrib_buf out;

	attrib_buf_init(&out);
	attribd_config_restart_diff(ca, cb, &out);
	check(attrib_buf_view(&out), expected);
	attrib_buf_done(&out);
	attribd_config_free(ca);
	attribd_config_free(cb);
}

static void what_a_reload_cannot_change(void **state)
{
	(void)state;
	restart_diff(contract, contract, "");
	restart_diff("[attribd]\nworkers = 2\n",
		"[attribd]\nworkers = 3\nlisten = 127.0.0.1:1\nhead_timeout = 3s\n",
		"listen, workers");
	restart_diff("[attribd]\npostgres = postgresql://u:a@h/d\n",
		"[attribd]\npostgres = postgresql://u:b@h/d\n", "postgres");
	restart_diff("[attribd]\nadmin_token = a\n[site x]\n",
		"[attribd]\nadmin_token = b\n[site y]\nwrite_key = k\n", "");
}

static void policy_json_is_canonical(void **state)
{
	struct attribd_config *a = load_ok("[site a]\nlock_after = 720h\nwrite_key = k\n");
	struct attribd_config *b = load_ok("[site b]\nwindow.link = 30d\ncost_spread = none\n");
	struct attribd_config *c = load_ok("[site c]\nwindow.link = 31d\n");

	(void)state;
	check(a->sites[0].policy_json,
		"{\"browser_orders\":\"confirm\",\"code_grace\":\"30d\",\"code_rule\":\"always\","
		"\"collapse\":\"30m\",\"count_at\":\"paid\",\"currency\":\"EUR\","
		"\"exclude\":\"test\",\"lead_window\":\"90d\",\"lock_after\":\"30d\",\"max_late\":"
		"\"90d\","
		"\"model.half_life\":\"7d\",\"model.scope\":\"creators\",\"order_source\":\"\","
		"\"renewals\":\"none\",\"repeat_orders\":\"all\","
		"\"revenue_basis\":\"net_of_tax_and_shipping\",\"time_zone\":\"UTC\","
		"\"too_fast\":\"5s\",\"window.affiliate\":\"30d\",\"window.link\":\"30d\",\"window."
		"utm\":\"30d\","
		"\"window.view\":\"0\"}");
	assert_true(attrib_str_eq(a->sites[0].policy_json, b->sites[0].policy_json));
	assert_false(attrib_str_eq(a->sites[0].policy_json, c->sites[0].policy_json));
	attribd_config_free(a);
	attribd_config_free(b);
	attribd_config_free(c);
}

/* Every setting is in the reference, and the reference says what a mistake would be told. */
static void the_reference_names_every_setting(void **state)
{
	struct attribd_config *c = load_ok("[site a]\n");
	struct attrib_buf reference, printed;
	struct attrib_str rest;
	char quoted[80];

	(void)state;
	attrib_buf_init(&reference);
	attrib_buf_init(&printed);
	attribd_config_reference(&reference);
	attrib_buf_char(&reference, 0);
	attribd_config_print(c, &printed);
	rest = attrib_buf_view(&printed);
	while (rest.n) {
		struct attrib_str line = attrib_str_split(rest, '\n', &rest), value;
		struct attrib_str name = attrib_str_split(line, ' ', &value);
		if (name.n == 0 || name.p[0] == '[')
			continue;
		snprintf(quoted, sizeof quoted, "- `%.*s`", (int)name.n, name.p);
		if (!strstr((char *)reference.p, quoted))
			fail_msg("%s is not in the reference", quoted);
	}
	attrib_buf_done(&reference);
	attrib_buf_done(&printed);
	attribd_config_free(c);
}

static char *read_file(const char *path)
{
	FILE *in = fopen(path, "r");
	char *text = calloc(1, 65536);

	assert_non_null(in);
	assert_non_null(text);
	assert_true(fread(text, 1, 65535, in) < 65535);
	fclose(in);
	return text;
}

/* docs/configuration.md is the reference, written by `attribd help settings`. */
static void the_reference_in_docs_is_this_one(void **state)
{
	char *text = read_file(SOURCE_DIR "/docs/configuration.md");
	struct attrib_buf reference;

	(void)state;
	attrib_buf_init(&reference);
	attribd_config_reference(&reference);
	attrib_buf_char(&reference, 0);
	assert_string_equal(text, (char *)reference.p);
	attrib_buf_done(&reference);
	free(text);
}

/* The example is good, and so is every default that it shows commented out. */
static void the_example_is_good(void **state)
{
	char *text = read_file(SOURCE_DIR "/etc/attribd.conf.example"), *line, *rest;
	struct attrib_buf shown;
	struct attribd_config *config = load_ok(text);
	int settings = 0;

	(void)state;
	assert_int_equal(config->site_count, 1);
	attribd_config_free(config);
	attrib_buf_init(&shown);
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char name[64], equals[2];
		bool hidden = sscanf(line, "; %63[a-z_.] %1[=]", name, equals) == 2;
		settings += hidden;
		attrib_buf_printf(&shown, "%s\n", hidden ? line + 2 : line);
	}
	attrib_buf_char(&shown, 0);
	assert_true(settings > 20);
	/* one key of a site is not the other one */
	line = strstr((char *)shown.p, "write_key = ...");
	assert_non_null(line);
	memcpy(line, "write_key = abc", 15);
	config = load_ok((char *)shown.p);
	attribd_config_free(config);
	attrib_buf_done(&shown);
	free(text);
}

/* -- the bot list ------------------------------------------------------------------------------- */

static const char *with_bot_list(const char *path)
{
	static char text[512];

	snprintf(text, sizeof text, "[attribd]\nbot_list = %s\n", path);
	return text;
}

static void the_bot_list_is_built_in_or_a_file(void **state)
{
	struct attribd_config *c = load_ok("");

	(void)state;
	assert_true(attrib_bots_match(c->bots, ATTRIB_STR("Googlebot/2.1")));
	attribd_config_free(c);
	c = load_ok(with_bot_list(files_text("bots", "^only this$\n")));
	assert_true(attrib_bots_match(c->bots, ATTRIB_STR("only this")));
	assert_false(attrib_bots_match(c->bots, ATTRIB_STR("Googlebot/2.1")));
	attribd_config_free(c);
}

static void a_bad_bot_list_is_a_bad_configuration(void **state)
{
	struct attribd_config *config = NULL;
	const char *list = files_text("bots", "good\n(bad\n");
	const char *file = files_text("attribd.conf", with_bot_list(list));
	struct attrib_buf problems;
	char expected[512];

	(void)state;
	attrib_buf_init(&problems);
	assert_int_equal(attribd_config_load(file, &config, &problems), ATTRIB_E_CONFIG);
	assert_null(config);
	attrib_buf_char(&problems, 0);
	snprintf(expected, sizeof expected,
		"%s:2: expected a regular expression as RE2 takes it, got \"(bad\" (missing ): "
		"(bad)\n",
		list);
	assert_string_equal((char *)problems.p, expected);
	attrib_buf_done(&problems);
	refused("[attribd]\nbot_list = /nonexistent/bots\n",
		"FILE:2: bot_list: expected a readable file, got \"/nonexistent/bots\" (No such "
		"file or directory)\n");
	refused("[attribd]\nbot_list = /\n",
		"FILE:2: bot_list: expected a readable file, got \"/\" (Is a directory)\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_file_is_all_defaults),
		cmocka_unit_test(a_site_that_states_nothing_has_the_default_policy),
		cmocka_unit_test(every_setting_reaches_its_field),
		cmocka_unit_test(proxies_are_prefixes_of_sixteen_bytes),
		cmocka_unit_test(print_shows_everything_but_secrets),
		cmocka_unit_test(passwords_of_connection_strings_are_masked),
		cmocka_unit_test(the_state_is_memory_or_a_redis),
		cmocka_unit_test(secrets_may_stand_in_files),
		cmocka_unit_test(all_problems_are_told),
		cmocka_unit_test(an_origin_is_one_as_browsers_write_it),
		cmocka_unit_test(the_tag_has_a_plain_path),
		cmocka_unit_test(what_one_row_cannot_see),
		cmocka_unit_test(bytes_that_are_no_text_are_refused),
		cmocka_unit_test(a_missing_file_is_a_problem),
		cmocka_unit_test(keys_name_site_and_trust),
		cmocka_unit_test(what_a_reload_cannot_change),
		cmocka_unit_test(policy_json_is_canonical),
		cmocka_unit_test(the_reference_names_every_setting),
		cmocka_unit_test(the_reference_in_docs_is_this_one),
		cmocka_unit_test(the_example_is_good),
		cmocka_unit_test(the_bot_list_is_built_in_or_a_file),
		cmocka_unit_test(a_bad_bot_list_is_a_bad_configuration),
	};

	return cmocka_run_group_tests_name("config", tests, files_begin, files_end);
}
