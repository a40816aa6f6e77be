/*
 * Signatures: what is authentic, by whichever of two secrets, and everything that is not. And what is said
 * of a body that is authentic and can't be read.
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "attrib/webhook.h"
#include "world.h"

#define BODY   "{\"id\":1}"
#define SECRET "a secret of the shop"
#define OLD    "its secret before"
/* base64 of "0123456789abcdef01234567" */
#define STANDARD "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
#define SECONDS  ((long)(NOW / ATTRIB_US_PER_S))

static char text[512];

static void sign(const char *key, const char *signed_text, uint8_t mac[32])
{
	unsigned n = 32;

	HMAC(EVP_sha256(), key, (int)strlen(key), (const uint8_t *)signed_text, strlen(signed_text),
		mac, &n);
}

static const char *base64(const char *key, const char *signed_text)
{
	static char out[2][48];
	static int turn;
	uint8_t mac[32];

	sign(key, signed_text, mac);
	turn = !turn;
	EVP_EncodeBlock((uint8_t *)out[turn], mac, 32);
	return out[turn];
}

static const char *hex(const char *key, const char *signed_text)
{
	static char out[2][65];
	static int turn;
	uint8_t mac[32];

	sign(key, signed_text, mac);
	turn = !turn;
	attrib_hex(mac, 32, out[turn]);
	return out[turn];
}

static int verify_as(struct world *w, enum attrib_vendor vendor, const char *body,
	const char *first, const char *second)
{
	struct attrib_webhook hook = {vendor, &w->request, attrib_str_of(body)};
	struct attrib_str secrets[2] = {attrib_str_of(first), attrib_str_of(second)};

	return attrib_webhook_verify(&hook, w->keys, secrets, NOW);
}

#define assert_authentic(...) assert_int_equal(verify_as(__VA_ARGS__), 0)
#define assert_forged(...)    assert_int_equal(verify_as(__VA_ARGS__), ATTRIB_E_UNAUTHORIZED)

static void plain_signatures(void **state)
{
	static const struct {
		enum attrib_vendor vendor;
		const char *header;
	} rows[] = {{ATTRIB_VENDOR_SHOPIFY, "x-shopify-hmac-sha256"},
		{ATTRIB_VENDOR_WOOCOMMERCE, "X-WC-Webhook-Signature"}};
	struct world *w = *state;

	for (size_t i = 0; i < 2; i++) {
		enum attrib_vendor vendor = rows[i].vendor;
		char wrong[64];
		world_request(w, "");
		assert_forged(w, vendor, BODY, SECRET, NULL);
		world_header(w, rows[i].header, base64(SECRET, BODY));
		assert_authentic(w, vendor, BODY, SECRET, NULL);
		assert_authentic(w, vendor, BODY, NULL, SECRET);
		assert_authentic(w, vendor, BODY, OLD, SECRET);
		assert_forged(w, vendor, BODY, OLD, NULL);
		assert_forged(w, vendor, BODY, NULL, NULL);
		assert_forged(w, vendor, BODY " ", SECRET, OLD);
		assert_forged(w, vendor, "", SECRET, OLD);
		/* every single changed, missing or added character */
		for (size_t k = 0; k < 44; k++) {
			snprintf(wrong, sizeof wrong, "%s", base64(SECRET, BODY));
			wrong[k] = wrong[k] == 'A' ? 'B' : 'A';
			world_header(w, rows[i].header, wrong);
			assert_forged(w, vendor, BODY, SECRET, OLD);
			wrong[k] = '\0';
			assert_forged(w, vendor, BODY, SECRET, OLD);
		}
		snprintf(wrong, sizeof wrong, "%s=", base64(SECRET, BODY));
		world_header(w, rows[i].header, wrong);
		assert_forged(w, vendor, BODY, SECRET, OLD);
		world_header(w, rows[i].header, hex(SECRET, BODY));
		assert_forged(w, vendor, BODY, SECRET, OLD);
	}
}

static void stripe_header(struct world *w, const char *format, ...)
{
	static char value[512];
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof value, format, args);
	va_end(args);
	world_header(w, "Stripe-Signature", value);
}

static const char *stripe_text(long seconds)
{
	snprintf(text, sizeof text, "%ld.%s", seconds, BODY);
	return text;
}

static void stripe_signatures(void **state)
{
	struct world *w = *state;
	const char *good = hex(SECRET, stripe_text(SECONDS)), *bad = hex("other", text);

	stripe_header(w, "t=%ld,v1=%s", SECONDS, good);
	assert_authentic(w, ATTRIB_VENDOR_STRIPE, BODY, SECRET, NULL);
	assert_authentic(w, ATTRIB_VENDOR_STRIPE, BODY, OLD, SECRET);
	assert_forged(w, ATTRIB_VENDOR_STRIPE, BODY, OLD, NULL);
	assert_forged(w, ATTRIB_VENDOR_STRIPE, BODY "\n", SECRET, NULL);
	stripe_header(w, "v0=x,v1=%s,t=%ld,v1=%s", bad, SECONDS, good);
	assert_authentic(w, ATTRIB_VENDOR_STRIPE, BODY, SECRET, NULL);
	stripe_header(w, "t=%ld,v0=%s", SECONDS, good);
	assert_forged(w, ATTRIB_VENDOR_STRIPE, BODY, SECRET, NULL);
	stripe_header(w, "t=%ld,t=%ld,v1=%s", SECONDS, SECONDS, good);
	assert_forged(w, ATTRIB_VENDOR_STRIPE, BODY, SECRET, NULL);
	stripe_header(w, "t=%ld,v1=%s", SECONDS + 1, good);
	assert_forged(w, ATTRIB_VENDOR_STRIPE, BODY, SECRET, NULL);
	stripe_header(w, "v1=%s", good);
	assert_forged(w, ATTRIB_VENDOR_STRIPE, BODY, SECRET, NULL);
	stripe_header(w, "t=%ld,v1=%.63s", SECONDS, good);
	assert_forged(w, ATTRIB_VENDOR_STRIPE, BODY, SECRET, NULL);
	stripe_header(w, "t=-%ld,v1=%s", SECONDS, good);
	assert_forged(w, ATTRIB_VENDOR_STRIPE, BODY, SECRET, NULL);
}

static void stripe_times(void **state)
{
	static const struct {
		long late;
		int expected;
	} rows[] = {{300, 0}, {301, ATTRIB_E_UNAUTHORIZED}, {-300, 0},
		{-301, ATTRIB_E_UNAUTHORIZED}, {SECONDS, ATTRIB_E_UNAUTHORIZED}};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		long at = SECONDS - rows[i].late;
		stripe_header(w, "t=%ld,v1=%s", at, hex(SECRET, stripe_text(at)));
		assert_int_equal(
			verify_as(w, ATTRIB_VENDOR_STRIPE, BODY, SECRET, NULL), rows[i].expected);
	}
}

static void standard_headers(struct world *w, const char *id, long seconds)
{
	static char value[128], time[32];

	snprintf(text, sizeof text, "%s.%ld.%s", id, seconds, BODY);
	snprintf(value, sizeof value, "v1a,xyz v1,%s", base64("0123456789abcdef01234567", text));
	snprintf(time, sizeof time, "%ld", seconds);
	world_header(w, "webhook-id", id);
	world_header(w, "webhook-timestamp", time);
	world_header(w, "webhook-signature", value);
}

static void standard_signatures(void **state)
{
	struct world *w = *state;

	assert_forged(w, ATTRIB_VENDOR_STANDARD, BODY, STANDARD, NULL);
	standard_headers(w, "msg_1", SECONDS);
	assert_authentic(w, ATTRIB_VENDOR_STANDARD, BODY, STANDARD, NULL);
	assert_authentic(w, ATTRIB_VENDOR_STANDARD, BODY, "whsec_AAAA", &STANDARD[6]);
	assert_forged(w, ATTRIB_VENDOR_STANDARD, BODY, "whsec_AAAA", NULL);
	assert_forged(w, ATTRIB_VENDOR_STANDARD, BODY, "whsec_", "not base64!");
	world_header(w, "webhook-id", "msg_2");
	assert_forged(w, ATTRIB_VENDOR_STANDARD, BODY, STANDARD, NULL);
	standard_headers(w, "msg_1", SECONDS - 300);
	assert_authentic(w, ATTRIB_VENDOR_STANDARD, BODY, STANDARD, NULL);
	standard_headers(w, "msg_1", SECONDS - 301);
	assert_forged(w, ATTRIB_VENDOR_STANDARD, BODY, STANDARD, NULL);
	standard_headers(w, "msg_1", SECONDS + 301);
	assert_forged(w, ATTRIB_VENDOR_STANDARD, BODY, STANDARD, NULL);
	standard_headers(w, "", SECONDS);
	assert_forged(w, ATTRIB_VENDOR_STANDARD, BODY, STANDARD, NULL);
}

static void secrets_that_can_sign(void **state)
{
	(void)state;
	assert_true(attrib_webhook_secret_ok(ATTRIB_VENDOR_SHOPIFY, ATTRIB_STR("any")));
	assert_true(attrib_webhook_secret_ok(ATTRIB_VENDOR_STANDARD, ATTRIB_STR(STANDARD)));
	assert_true(attrib_webhook_secret_ok(ATTRIB_VENDOR_STANDARD, ATTRIB_STR("QQ==")));
	assert_true(attrib_webhook_secret_ok(ATTRIB_VENDOR_STANDARD, ATTRIB_STR("QUI=")));
	assert_false(attrib_webhook_secret_ok(ATTRIB_VENDOR_STANDARD, ATTRIB_STR("QR==")));
	assert_false(attrib_webhook_secret_ok(ATTRIB_VENDOR_STANDARD, ATTRIB_STR("Q=Q=")));
	assert_false(attrib_webhook_secret_ok(ATTRIB_VENDOR_STANDARD, ATTRIB_STR("QQ=")));
	assert_false(attrib_webhook_secret_ok(ATTRIB_VENDOR_STANDARD, ATTRIB_STR("====")));
	assert_false(attrib_webhook_secret_ok(ATTRIB_VENDOR_STANDARD, ATTRIB_STR("whsec_")));
}

static bool is_ping(enum attrib_vendor vendor, const char *body)
{
	struct attrib_webhook hook = {vendor, NULL, attrib_str_of(body)};

	return attrib_webhook_is_ping(&hook);
}

static void pings(void **state)
{
	(void)state;
	assert_true(is_ping(ATTRIB_VENDOR_WOOCOMMERCE, "webhook_id=12"));
	assert_false(is_ping(ATTRIB_VENDOR_SHOPIFY, "webhook_id=12"));
	assert_false(is_ping(ATTRIB_VENDOR_WOOCOMMERCE, "webhook_id="));
	assert_false(is_ping(ATTRIB_VENDOR_WOOCOMMERCE, "webhook_id=12&a=b"));
	assert_false(is_ping(ATTRIB_VENDOR_WOOCOMMERCE, "webhook_id=123456789012345678901"));
	assert_false(is_ping(ATTRIB_VENDOR_WOOCOMMERCE, ""));
	assert_false(is_ping(ATTRIB_VENDOR_WOOCOMMERCE, "{}"));
}

static int read_body(struct world *w, enum attrib_vendor vendor, const char *body)
{
	struct attrib_webhook hook = {vendor, &w->request, pad(w, body, strlen(body))};

	return attrib_webhook_read(&w->intake, &hook, &w->result);
}

static void bodies_that_can_not_be_read(void **state)
{
	static const char *const bodies[] = {"", "{", "[]", "null", "{\"id\":1}x", "\"order\""};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		for (int vendor = 0; vendor < ATTRIB_VENDOR_STANDARD; vendor++) {
			assert_int_equal(read_body(w, (enum attrib_vendor)vendor, bodies[i]),
				ATTRIB_E_BAD_JSON);
			assert_true(w->result.whole);
			assert_int_equal(w->result.event_count, 0);
		}
	}
	assert_int_equal(read_body(w, ATTRIB_VENDOR_SHOPIFY, "{}"), 0);
	assert_int_equal(w->result.event_count + w->result.reject_count, 0);
}

/* The id of a request names what has no id of its own, by its place; a repeat has the same ids. */
static void standard_names(void **state)
{
	static const char body[] = "[{\"type\":\"visit\",\"url\":\"https://shop.example/\"},"
				   "{\"type\":\"visit\",\"url\":\"https://shop.example/\"},"
				   "{\"type\":\"visit\",\"event_id\":\"e\",\"url\":\"/\"}]";
	struct world *w = *state;
	struct attrib_id first, second;

	world_header(w, "webhook-id", "msg_1");
	assert_int_equal(read_body(w, ATTRIB_VENDOR_STANDARD, body), 0);
	assert_int_equal(w->result.event_count, 3);
	assert_text(w->result.events[0].source, "standard");
	assert_text(w->result.events[2].event_id, "e");
	first = w->result.events[0].id;
	second = w->result.events[1].id;
	assert_false(attrib_id_eq(&first, &second));
	w->intake.now += ATTRIB_US_PER_MIN;
	assert_int_equal(read_body(w, ATTRIB_VENDOR_STANDARD, body), 0);
	assert_id(w->result.events[0].id, first);
	assert_id(w->result.events[1].id, second);
	world_header(w, "webhook-id", "msg_2");
	assert_int_equal(read_body(w, ATTRIB_VENDOR_STANDARD, body), 0);
	assert_false(attrib_id_eq(&w->result.events[0].id, &first));
}

static void vendor_names(void **state)
{
	enum attrib_vendor vendor = ATTRIB_VENDOR_SHOPIFY;

	(void)state;
	assert_int_equal(attrib_vendor_parse(ATTRIB_STR("stripe"), &vendor), 0);
	assert_int_equal(vendor, ATTRIB_VENDOR_STRIPE);
	assert_int_equal(attrib_vendor_parse(ATTRIB_STR("Stripe"), &vendor), ATTRIB_E_NOT_FOUND);
	assert_int_equal(attrib_vendor_parse(ATTRIB_STR(""), &vendor), ATTRIB_E_NOT_FOUND);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_WORLD(plain_signatures),
		WITH_WORLD(stripe_signatures),
		WITH_WORLD(stripe_times),
		WITH_WORLD(standard_signatures),
		cmocka_unit_test(secrets_that_can_sign),
		cmocka_unit_test(pings),
		WITH_WORLD(bodies_that_can_not_be_read),
		WITH_WORLD(standard_names),
		cmocka_unit_test(vendor_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
