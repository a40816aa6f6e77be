# The tag as it is served: without comments and blanks, and with short names for what the script names
# itself. Prints one line.
#
# It reads what a.js is written in, not all of JavaScript: every statement ends in a semicolon, strings
# stand in single quotes, and what `const name =` and `let name` declare is renamed wherever it is not a
# property (behind a dot, or a key before a colon). So such a name can't be a shorthand property; where
# one is found the build ends.

function fail(text) {
	print "shrink.awk: " text > "/dev/stderr"
	failed = 1
	exit 1
}

# How many characters the regular expression at the start of s has; a slash in a class does not end it.
function expression_length(s,    i, c, class) {
	for (i = 2; i <= length(s); i++) {
		c = substr(s, i, 1)
		if (c == "\\")
			i++
		else if (c == "[" || c == "]")
			class = c == "["
		else if (c == "/" && !class)
			return i
	}
	fail("a regular expression does not end")
}

function take(s,    n) {
	if (match(s, /^[ \t\n]+/))
		return RLENGTH
	if (substr(s, 1, 2) == "/*")
		return index(s, "*/") + 1
	if (match(s, /^[A-Za-z0-9_$]+/))
		n = RLENGTH
	else if (match(s, /^'([^'\\]|\\.)*'/))
		n = RLENGTH
	else if (substr(s, 1, 1) == "/" && index("(,=:[!&|?{};", token[count]))
		n = expression_length(s)
	else if (match(s, /^["`]/))
		fail("a string not in single quotes: " substr(s, 1, 40))
	else
		n = 1
	token[++count] = substr(s, 1, n)
	return n
}

function is_word(s) {
	return s ~ /^[A-Za-z0-9_$]/
}

# The next short name that stands nowhere as it is.
function next_name(    letters, name) {
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	do {
		name = substr(letters, made % 52 + 1, 1)
		if (made >= 52)
			name = name substr(letters, int(made / 52), 1)
		made++
	} while (name in used || name ~ /^(do|if|in|of)$/)
	return name
}

function rename(i,    key, before, behind, member) {
	before = token[i - 1]
	behind = token[i + 1]
	key = before == "{" || before == ","
	member = before == "." && token[i - 2] != "." # not behind a spread
	if (!(token[i] in short) || member || (key && behind == ":"))
		return token[i]
	if ((before == "{" && (behind == "," || behind == "}")) || (before == "," && behind == "}"))
		fail("shorthand property " token[i])
	return short[token[i]]
}

{ text = text $0 "\n" }

END {
	if (failed)
		exit 1
	while (text != "")
		text = substr(text, take(text) + 1)
	for (i = 1; i <= count; i++)
		used[token[i]] = 1
	for (i = 1; i < count; i++)
		if (token[i] ~ /^(const|let)$/ && is_word(token[i + 1]) && !(token[i + 1] in short))
			short[token[i + 1]] = next_name()
	for (i = 1; i <= count; i++) {
		if ((token[i] == ";" || token[i] == ",") && token[i + 1] ~ /^[]})]$/)
			continue # nothing follows it
		now = rename(i)
		printf "%s%s", is_word(last) && is_word(now) ? " " : "", now
		last = now
	}
	print ""
}
