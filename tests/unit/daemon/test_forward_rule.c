/* Who may be sent to, and when again. */
#include "files.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "forward_rule.h"

#define S INT64_C(1000000)

static const char *class_of(const char *text)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	const char *class, *by_text = attribd_address_text_class(text);

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
		class = attribd_address_class((struct sockaddr *)&v4);
	} else {
		assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
		class = attribd_address_class((struct sockaddr *)&v6);
	}
	assert_true(class == by_text);
	return class;
}

static void public_addresses_are_public(void **state)
{
	static const char *const some[] = {"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0",
		"100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "168.63.129.15",
		"168.63.129.17", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0",
		"192.0.1.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0",
		"223.255.255.255", "2606:4700::1", "2a00:1450::1", "2001:200::1", "3ffe::1",
		"::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::1"};

	(void)state;
	for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
		if (class_of(some[i]))
			fail_msg("%s is %s", some[i], class_of(some[i]));
	}
}

static void others_are_not(void **state)
{
	static const char *const some[][2] = {
		{"0.0.0.0", "unspecified"},
		{"0.255.255.255", "unspecified"},
		{"10.0.0.0", "private"},
		{"10.255.255.255", "private"},
		{"100.64.0.0", "a provider's own"},
		{"100.100.100.200", "a provider's own"},
		{"100.127.255.255", "a provider's own"},
		{"127.0.0.1", "loopback"},
		{"127.255.255.255", "loopback"},
		{"168.63.129.16", "a cloud's metadata"},
		{"169.254.169.254", "link-local"},
		{"172.16.0.0", "private"},
		{"172.31.255.255", "private"},
		{"192.0.0.192", "reserved"},
		{"192.0.2.1", "reserved"},
		{"192.168.0.1", "private"},
		{"198.18.0.1", "reserved"},
		{"198.19.255.255", "reserved"},
		{"203.0.113.9", "reserved"},
		{"224.0.0.1", "multicast"},
		{"239.255.255.255", "multicast"},
		{"240.0.0.1", "reserved"},
		{"255.255.255.255", "reserved"},
		{"::", "unspecified"},
		{"::1", "loopback"},
		{"::7f00:1", "reserved"}, /* once the form of 127.0.0.1 */
		{"::ffff:127.0.0.1", "loopback"},
		{"::ffff:10.1.2.3", "private"},
		{"::ffff:169.254.169.254", "link-local"},
		{"64:ff9b::7f00:1", "loopback"},
		{"64:ff9b::a9fe:a9fe", "link-local"},
		{"64:ff9b:1::1", "reserved"},
		{"2002:7f00:1::1", "loopback"},
		{"2002:c0a8:1::1", "private"},
		{"100::1", "reserved"},
		{"2001::1", "reserved"},
		{"2001:db8::1", "reserved"},
		{"3fff:fff::1", "reserved"},
		{"fc00::1", "private"},
		{"fd00:ec2::254", "private"},
		{"fdff:ffff::1", "private"},
		{"fe80::1", "link-local"},
		{"febf::1", "link-local"},
		{"fec0::1", "private"},
		{"ff02::1", "multicast"},
		{"4000::1", "reserved"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
		const char *class = class_of(some[i][0]);
		if (!class || strcmp(class, some[i][1]) != 0)
			fail_msg("%s is %s, expected %s", some[i][0], class ? class : "public",
				some[i][1]);
	}
}

static void what_is_no_address_is_refused(void **state)
{
	const struct sockaddr local = {.sa_family = AF_UNIX};

	(void)state;
	assert_string_equal(attribd_address_class(&local), "no address");
	assert_string_equal(attribd_address_text_class("shop.example"), "no address");
	assert_string_equal(attribd_address_text_class(""), "no address");
}

static void waits_twice_as_long_each_time(void **state)
{
	(void)state;
	for (int tries = 1; tries <= 12; tries++) {
		int64_t whole = 5 * S << (tries - 1);
		assert_int_equal(attribd_backoff_us(tries, 5 * S, 0), whole / 2);
		assert_in_range(
			attribd_backoff_us(tries, 5 * S, UINT32_MAX), whole - whole / 1000, whole);
		assert_in_range(attribd_backoff_us(tries, 5 * S, 1u << 31), whole / 4 * 3 - 1,
			whole / 4 * 3 + 1);
	}
}

static void but_not_for_ever(void **state)
{
	(void)state;
	for (int tries = 14; tries < 1000; tries += 7) {
		assert_int_equal(attribd_backoff_us(tries, 5 * S, 0), 3 * 3600 * S);
		assert_in_range(attribd_backoff_us(tries, 5 * S, UINT32_MAX), 6 * 3600 * S - S,
			6 * 3600 * S);
	}
	assert_int_equal(attribd_backoff_us(INT32_MAX, 10000, 0), 3 * 3600 * S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(public_addresses_are_public),
		cmocka_unit_test(others_are_not),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(waits_twice_as_long_each_time),
		cmocka_unit_test(but_not_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
