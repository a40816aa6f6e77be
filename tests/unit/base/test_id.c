/*
 * Keyed ids. SipHash-2-4 with 128 bits of output and HMAC-SHA-256 are computed here a second time,
 * the first from its paper (and checked against the paper's vector), so that a change of library, of
 * key layout or of what is hashed cannot go unseen: ids on disk would silently stop matching.
 */
#include "check.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "attrib/id.h"

static uint8_t secret[ATTRIB_SECRET_BYTES];

static int setup(void **state)
{
	for (size_t i = 0; i < sizeof secret; i++)
		secret[i] = (uint8_t)(i * 7 + 3);
	*state = attrib_keys_new(secret);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	attrib_keys_free(*state);
	return 0;
}

static uint64_t rotate(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

static void sip_rounds(uint64_t v[4], int rounds)
{
	while (rounds--) {
		v[0] += v[1], v[2] += v[3];
		v[1] = rotate(v[1], 13) ^ v[0], v[3] = rotate(v[3], 16) ^ v[2];
		v[0] = rotate(v[0], 32);
		v[2] += v[1], v[0] += v[3];
		v[1] = rotate(v[1], 17) ^ v[2], v[3] = rotate(v[3], 21) ^ v[0];
		v[2] = rotate(v[2], 32);
	}
}

static void siphash128(const uint8_t key[16], const uint8_t *p, size_t n, uint8_t out[16])
{
	uint64_t k[2], v[4], word;

	memcpy(k, key, 16);
	v[0] = k[0] ^ 0x736f6d6570736575u;
	v[1] = k[1] ^ 0x646f72616e646f6du ^ 0xee;
	v[2] = k[0] ^ 0x6c7967656e657261u;
	v[3] = k[1] ^ 0x7465646279746573u;
	for (size_t i = 0; i <= n / 8; i++) {
		size_t have = n - 8 * i < 8 ? n - 8 * i : 8;
		word = i == n / 8 ? (uint64_t)n << 56 : 0;
		for (size_t b = 0; b < have; b++)
			word |= (uint64_t)p[8 * i + b] << (8 * b);
		v[3] ^= word;
		sip_rounds(v, 2);
		v[0] ^= word;
	}
	v[2] ^= 0xee;
	for (int half = 0; half < 2; half++) {
		sip_rounds(v, 4);
		word = v[0] ^ v[1] ^ v[2] ^ v[3];
		memcpy(out + 8 * half, &word, 8);
		v[1] ^= 0xdd;
	}
}

static void the_second_siphash_is_right(void **state)
{
	static const uint8_t expected[16] = {0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6, 0x6d,
		0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93};
	uint8_t key[16], out[16];

	(void)state;
	for (size_t i = 0; i < sizeof key; i++)
		key[i] = (uint8_t)i;
	siphash128(key, key, 0, out);
	assert_memory_equal(out, expected, 16);
}

static size_t message(uint8_t *out, uint8_t domain, struct attrib_str site, struct attrib_str value)
{
	const uint8_t head[5] = {domain, (uint8_t)site.n, (uint8_t)(site.n >> 8), 0, 0};

	memcpy(out, head, 5);
	memcpy(out + 5, site.p, site.n);
	memcpy(out + 5 + site.n, value.p, value.n);
	return 5 + site.n + value.n;
}

static void ids_are_the_stated_functions(void **state)
{
	char text[200];
	uint8_t bytes[500], expected[64];

	memset(text, 'x', sizeof text);
	for (int domain = ATTRIB_ID_EVENT; domain <= ATTRIB_ID_UNIQUE; domain++) {
		for (size_t n = 0; n <= sizeof text; n++) {
			struct attrib_str site = {"shop", n % 5}, value = {text, n};
			size_t length = message(bytes, (uint8_t)domain, site, value);
			struct attrib_id id =
				attrib_id_of(*state, (enum attrib_id_domain)domain, site, value);

			if (domain >= ATTRIB_ID_EMAIL && domain <= ATTRIB_ID_CUSTOMER)
				HMAC(EVP_sha256(), secret + 32, 32, bytes, length, expected, NULL);
			else
				siphash128(secret, bytes, length, expected);
			assert_memory_equal(id.b, expected, 16);
		}
	}
}

static void cookies_have_a_key_of_their_own(void **state)
{
	struct attrib_id mac = attrib_cookie_mac(*state, ATTRIB_STR("v1.abc"));
	uint8_t expected[64];

	HMAC(EVP_sha256(), secret + 64, 32, (const uint8_t *)"v1.abc", 6, expected, NULL);
	assert_memory_equal(mac.b, expected, 16);
	mac = attrib_cookie_mac(*state, ATTRIB_STR_NONE);
	HMAC(EVP_sha256(), secret + 64, 32, (const uint8_t *)"", 0, expected, NULL);
	assert_memory_equal(mac.b, expected, 16);
}

static void site_and_value_cannot_be_shifted(void **state)
{
	struct attrib_id a =
		attrib_id_of(*state, ATTRIB_ID_ORDER, ATTRIB_STR("ab"), ATTRIB_STR("c"));
	struct attrib_id b =
		attrib_id_of(*state, ATTRIB_ID_ORDER, ATTRIB_STR("a"), ATTRIB_STR("bc"));
	struct attrib_id c =
		attrib_id_of(*state, ATTRIB_ID_CLICK, ATTRIB_STR("ab"), ATTRIB_STR("c"));

	assert_false(attrib_id_eq(&a, &b));
	assert_false(attrib_id_eq(&a, &c));
	assert_false(attrib_id_none(&a));
	assert_true(attrib_id_none(&(struct attrib_id){{0}}));
	assert_true(attrib_id_cmp(&a, &b) == -attrib_id_cmp(&b, &a) ||
		    (attrib_id_cmp(&a, &b) < 0) != (attrib_id_cmp(&b, &a) < 0));
}

static void another_secret_is_another_world(void **state)
{
	uint8_t other[ATTRIB_SECRET_BYTES], fp_a[32], fp_b[32];
	struct attrib_id a, b;
	struct attrib_keys *keys;

	for (size_t byte = 0; byte < sizeof other; byte += 95) {
		memcpy(other, secret, sizeof other);
		other[byte] ^= 1;
		keys = attrib_keys_new(other);
		attrib_keys_fingerprint(*state, fp_a);
		attrib_keys_fingerprint(keys, fp_b);
		assert_memory_not_equal(fp_a, fp_b, 32);
		attrib_keys_free(keys);
	}
	memset(other, 9, sizeof other);
	keys = attrib_keys_new(other);
	a = attrib_id_of(*state, ATTRIB_ID_EMAIL, ATTRIB_STR("s"), ATTRIB_STR("x@y.z"));
	b = attrib_id_of(keys, ATTRIB_ID_EMAIL, ATTRIB_STR("s"), ATTRIB_STR("x@y.z"));
	assert_false(attrib_id_eq(&a, &b));
	assert_true(attrib_keys_hash_seed(*state) != attrib_keys_hash_seed(keys));
	attrib_keys_free(keys);
	attrib_keys_free(NULL);
}

static void the_hash_depends_on_its_seed(void **state)
{
	(void)state;
	assert_true(attrib_hash64("abc", 3, 1) == attrib_hash64("abc", 3, 1));
	assert_true(attrib_hash64("abc", 3, 1) != attrib_hash64("abc", 3, 2));
	assert_true(attrib_hash64("abc", 3, 1) != attrib_hash64("abd", 3, 1));
}

static void random_bytes_differ(void **state)
{
	uint8_t a[1000] = {0}, b[1000] = {0};

	(void)state;
	attrib_random(a, sizeof a);
	attrib_random(b, sizeof b);
	assert_memory_not_equal(a, b, sizeof a);
	attrib_random(a, 0);
}

static void base64url_is_rfc_4648(void **state)
{
	static const struct {
		const char *plain, *coded;
	} cases[] = {
		{"", ""},
		{"f", "Zg"},
		{"fo", "Zm8"},
		{"foo", "Zm9v"},
		{"foob", "Zm9vYg"},
		{"fooba", "Zm9vYmE"},
		{"foobar", "Zm9vYmFy"},
		{"\xfb\xff\xbf", "-_-_"},
	};
	char out[16], back[16];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t n = strlen(cases[i].plain);
		struct attrib_str coded = {out, attrib_base64url(cases[i].plain, n, out)};
		assert_true(attrib_str_eq(coded, attrib_str_of(cases[i].coded)));
		assert_int_equal(attrib_base64url_decode(coded, back, n), 0);
		assert_memory_equal(back, cases[i].plain, n);
	}
}

static void base64_is_rfc_4648(void **state)
{
	static const struct {
		const char *plain, *coded;
	} cases[] = {{"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"},
		{"\xfb\xff\xbf", "+/+/"}};
	static const char *const bad[] = {"", "=", "==", "====", "Zg",
		"Zg=", "Zh==", "Zm9=", "Zm9vYmFy", "-_-_", "Z===", "Zg==Zg==", "Zm 8"};
	char out[16];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t n = strlen(cases[i].plain);
		assert_int_equal(
			attrib_base64_decode(attrib_str_of(cases[i].coded), out, n), (int)n);
		assert_memory_equal(out, cases[i].plain, n);
	}
	memset(out, 'x', sizeof out);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(
			attrib_base64_decode(attrib_str_of(bad[i]), out, 3), ATTRIB_E_INVALID);
	assert_memory_equal(out, "xxx", 3);
}

static void decoders_take_one_spelling(void **state)
{
	static const char *const bad64[] = {
		"", "Z", "Zh", "Zg=", "Zg==", "Zm8", "Z+", "Z/", " Zg", "Z\n"};
	static const char *const bad16[] = {"", "0", "000", "0g", "0x", " 0", "-1"};
	uint8_t out = 77;

	(void)state;
	for (size_t i = 0; i < COUNT(bad64); i++)
		assert_int_equal(attrib_base64url_decode(attrib_str_of(bad64[i]), &out, 1),
			ATTRIB_E_INVALID);
	for (size_t i = 0; i < COUNT(bad16); i++)
		assert_int_equal(
			attrib_hex_decode(attrib_str_of(bad16[i]), &out, 1), ATTRIB_E_INVALID);
	assert_int_equal(out, 77);
	assert_int_equal(attrib_hex_decode(ATTRIB_STR("aF"), &out, 1), 0);
	assert_int_equal(out, 0xaf);
}

static void codings_read_back(void **state)
{
	uint8_t bytes[33], back[33];
	char text[80];

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t n = test_random() % (sizeof bytes + 1);
		for (size_t i = 0; i < n; i++)
			bytes[i] = (uint8_t)test_random();
		struct attrib_str coded = {text, attrib_base64url(bytes, n, text)};
		assert_int_equal(attrib_base64url_decode(coded, back, n), 0);
		assert_memory_equal(bytes, back, n);
		attrib_hex(bytes, n, text);
		assert_int_equal(attrib_hex_decode((struct attrib_str){text, 2 * n}, back, n), 0);
		assert_memory_equal(bytes, back, n);
	}
}

static void derived_ids_are_told_apart(void **state)
{
	struct attrib_id parts[2] = {{{1}}, {{2}}}, swapped[2] = {{{2}}, {{1}}}, a, b;
	uint8_t other[ATTRIB_SECRET_BYTES] = {1};
	struct attrib_keys *keys;

	a = attrib_id_derive(*state, ATTRIB_ID_CONTENT, parts, sizeof parts);
	b = attrib_id_derive(*state, ATTRIB_ID_CONTENT, parts, sizeof parts);
	assert_true(attrib_id_eq(&a, &b) && !attrib_id_none(&a));
	b = attrib_id_derive(*state, ATTRIB_ID_CONTENT, swapped, sizeof swapped);
	assert_false(attrib_id_eq(&a, &b));
	b = attrib_id_derive(*state, ATTRIB_ID_CONTENT, parts, sizeof *parts);
	assert_false(attrib_id_eq(&a, &b));
	b = attrib_id_derive(*state, ATTRIB_ID_UNIQUE, parts, sizeof parts);
	assert_false(attrib_id_eq(&a, &b));
	memset(other + 16, 9, 8);
	keys = attrib_keys_new(other);
	assert_non_null(keys);
	b = attrib_id_derive(keys, ATTRIB_ID_CONTENT, parts, sizeof parts);
	assert_false(attrib_id_eq(&a, &b));
	attrib_keys_free(keys);
}

/* RFC 4231, case 2, in one piece and in several. */
static void hmac_is_rfc_4231(void **state)
{
	static const struct attrib_str whole[] = {ATTRIB_STR("what do ya want for nothing?")};
	static const struct attrib_str pieces[] = {ATTRIB_STR("what do ya want"), {NULL, 0},
		ATTRIB_STR(" for "), ATTRIB_STR("nothing?")};
	uint8_t expected[ATTRIB_HMAC_BYTES], mac[ATTRIB_HMAC_BYTES];

	assert_int_equal(attrib_hex_decode(ATTRIB_STR("5bdcc146bf60754e6a042426089575c7"
						      "5a003f089d2739839dec58b964ec3843"),
				 expected, sizeof expected),
		0);
	attrib_hmac(*state, ATTRIB_STR("Jefe"), whole, 1, mac);
	assert_memory_equal(mac, expected, sizeof mac);
	attrib_hmac(*state, ATTRIB_STR("another key"), pieces, 4, mac);
	attrib_hmac(*state, ATTRIB_STR("Jefe"), pieces, 4, mac);
	assert_memory_equal(mac, expected, sizeof mac);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(derived_ids_are_told_apart),
		cmocka_unit_test(the_second_siphash_is_right),
		cmocka_unit_test(ids_are_the_stated_functions),
		cmocka_unit_test(cookies_have_a_key_of_their_own),
		cmocka_unit_test(site_and_value_cannot_be_shifted),
		cmocka_unit_test(another_secret_is_another_world),
		cmocka_unit_test(the_hash_depends_on_its_seed),
		cmocka_unit_test(random_bytes_differ),
		cmocka_unit_test(base64url_is_rfc_4648),
		cmocka_unit_test(base64_is_rfc_4648),
		cmocka_unit_test(decoders_take_one_spelling),
		cmocka_unit_test(codings_read_back),
		cmocka_unit_test(hmac_is_rfc_4231),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
