/*
 * json.h over simdjson's DOM. Its elements and iterators are a pointer and an index: they travel
 * through C as two words. No exception can leave this file: everything here is noexcept in simdjson,
 * and allocations that fail are reported as MEMALLOC.
 */
#include "json.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <type_traits>

#include <simdjson.h>

#include "json_number.h"

namespace dom = simdjson::dom;

namespace
{

thread_local dom::parser parser;

template <class T> constexpr bool is_two_words()
{
	return std::is_trivially_copyable<T>::value && sizeof(T) <= 2 * sizeof(uint64_t);
}

template <class T> void to_words(const T &from, uint64_t out[2]) noexcept
{
	static_assert(is_two_words<T>(), "a pointer and an index");
	std::memcpy(out, &from, sizeof from);
}

template <class T> T of_words(const uint64_t in[2]) noexcept
{
	static_assert(is_two_words<T>(), "a pointer and an index");
	T out;
	std::memcpy(static_cast<void *>(&out), in, sizeof out);
	return out;
}

attrib_str str_of(std::string_view s) noexcept
{
	return attrib_str{s.data(), s.size()};
}

simdjson::error_code parse(attrib_str text, dom::element &root) noexcept
{
	if (parser.capacity() == 0) {
		/* simdjson refuses the depth that it is given */
		simdjson::error_code err = parser.allocate(64 << 10, ATTRIB_JSON_DEPTH_MAX + 1);
		if (err)
			return err;
	}
	return parser.parse(text.p, text.n, false).get(root);
}

template <class Iterator, class Container>
void begin(const Container &container, struct attrib_json_walk *walk) noexcept
{
	to_words<Iterator>(container.begin(), walk->here);
	to_words<Iterator>(container.end(), walk->end);
}

/* Shortest digits that give the same double; more than 15 of them are no decimal that was meant. */
size_t decimal_of(double v, char *out) noexcept
{
	char text[64];
	size_t digits = 0, n;

	if (!(std::fabs(v) < 1e15) || (v != 0 && std::fabs(v) < 1e-6))
		return 0;
	n = static_cast<size_t>(
		std::to_chars(text, text + sizeof text, v, std::chars_format::fixed).ptr - text);
	for (size_t i = 0; i < n; i++)
		digits += text[i] >= '0' && text[i] <= '9' && (digits || text[i] != '0');
	if (digits > 15 || n > ATTRIB_JSON_DECIMAL_MAX)
		return 0;
	std::memcpy(out, text, n);
	return n;
}

/* Fifteen digits in all, trailing zeros among them. */
size_t nearest_of(double v, char *out) noexcept
{
	int decimals = 15;

	if (!(std::fabs(v) < 1e15))
		return 0;
	for (double whole = 1; whole <= std::fabs(v); whole *= 10)
		decimals--;
	return static_cast<size_t>(std::to_chars(out, out + ATTRIB_JSON_DECIMAL_MAX, v,
					   std::chars_format::fixed, decimals)
					   .ptr -
				   out);
}

template <class Int> size_t digits_of(Int v, char *out) noexcept
{
	return static_cast<size_t>(std::to_chars(out, out + ATTRIB_JSON_DECIMAL_MAX, v).ptr - out);
}

} // namespace

extern "C" {

int attrib_json_parse(attrib_arena *arena, attrib_str text, attrib_json *root)
{
	dom::element element;
	simdjson::error_code err = parse(text, element);

	if (err == simdjson::NUMBER_ERROR) {
		text = attrib_json_quote_numbers(arena, text);
		if (!text.p)
			return ATTRIB_E_NOMEM;
		err = parse(text, element);
	}
	if (err)
		return err == simdjson::MEMALLOC ? ATTRIB_E_NOMEM : ATTRIB_E_BAD_JSON;
	to_words(element, root->word);
	return 0;
}

enum attrib_json_kind attrib_json_kind(attrib_json value)
{
	switch (of_words<dom::element>(value.word).type()) {
	case dom::element_type::ARRAY:
		return ATTRIB_JSON_ARRAY;
	case dom::element_type::OBJECT:
		return ATTRIB_JSON_OBJECT;
	case dom::element_type::INT64:
	case dom::element_type::UINT64:
	case dom::element_type::DOUBLE:
		return ATTRIB_JSON_NUMBER;
	case dom::element_type::STRING:
		return ATTRIB_JSON_STRING;
	case dom::element_type::BOOL:
		return ATTRIB_JSON_BOOL;
	case dom::element_type::NULL_VALUE:
		break;
	}
	return ATTRIB_JSON_NULL;
}

attrib_str attrib_json_string(attrib_json value)
{
	std::string_view text;

	if (of_words<dom::element>(value.word).get_string().get(text))
		return ATTRIB_STR_NONE;
	return str_of(text);
}

bool attrib_json_bool(attrib_json value)
{
	bool flag = false;

	return of_words<dom::element>(value.word).get_bool().get(flag) == simdjson::SUCCESS && flag;
}

size_t attrib_json_decimal(attrib_json value, char out[ATTRIB_JSON_DECIMAL_MAX], bool *integer)
{
	dom::element element = of_words<dom::element>(value.word);
	uint64_t u;
	int64_t i;
	double d;

	*integer = true;
	if (!element.get_int64().get(i))
		return digits_of(i, out);
	if (!element.get_uint64().get(u))
		return digits_of(u, out);
	*integer = false;
	return element.get_double().get(d) ? 0 : decimal_of(d, out);
}

size_t attrib_json_nearest(attrib_json value, char out[ATTRIB_JSON_DECIMAL_MAX])
{
	double d;
	bool integer;

	if (attrib_json_kind(value) != ATTRIB_JSON_NUMBER)
		return 0;
	if (!of_words<dom::element>(value.word).is_double())
		return attrib_json_decimal(value, out, &integer);
	return of_words<dom::element>(value.word).get_double().get(d) ? 0 : nearest_of(d, out);
}

void attrib_json_walk(attrib_json value, struct attrib_json_walk *walk)
{
	dom::element element = of_words<dom::element>(value.word);
	dom::object object;
	dom::array array;

	*walk = {};
	if (!element.get_object().get(object)) {
		walk->object = true;
		begin<dom::object::iterator>(object, walk);
	} else if (!element.get_array().get(array)) {
		begin<dom::array::iterator>(array, walk);
	}
}

bool attrib_json_next(struct attrib_json_walk *walk, attrib_str *name, attrib_json *value)
{
	if (std::memcmp(walk->here, walk->end, sizeof walk->here) == 0)
		return false;
	if (walk->object) {
		auto at = of_words<dom::object::iterator>(walk->here);
		*name = str_of(at.key());
		to_words(at.value(), value->word);
		to_words(++at, walk->here);
	} else {
		auto at = of_words<dom::array::iterator>(walk->here);
		*name = ATTRIB_STR_NONE;
		to_words(*at, value->word);
		to_words(++at, walk->here);
	}
	return true;
}

} // extern "C"
