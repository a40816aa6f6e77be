#!/usr/bin/env bash
# test_shrink.sh AWK SHRINK: what the build makes of the tag's script is the same script.
set -u
awk=$1
shrink=$2
failed=0

# expect OUTPUT INPUT
expect() {
	local got
	got=$(printf '%s' "$2" | "$awk" -f "$shrink" 2>&1)
	[ "$got" = "$1" ] && return
	printf 'of:       %s\nexpected: %s\ngot:      %s\n' "$2" "$1" "$got"
	failed=1
}

refuse() { # MESSAGE INPUT
	local got
	if got=$(printf '%s' "$2" | "$awk" -f "$shrink" 2>&1) || [[ $got != *"$1"* ]]; then
		printf 'of:       %s\nexpected an error with %s\ngot:      %s\n' "$2" "$1" "$got"
		failed=1
	fi
}

# comments and blanks go, but between words; strings and expressions stay as they are
expect 'return typeof x' $'/* a\n "b" */\n\treturn  typeof\n x'
expect "f('a  /* b */ \\' ; }',/[/' ]\\/ {2}/g)" "f('a  /* b */ \\' ; }', /[/' ]\\/ {2}/g)"
expect 'x=y/2/z' 'x = y / 2 / z'
expect 'f({a:1,b:[2]});if(x){y()}' 'f({ a: 1, b: [2,], }); if (x) { y(); }'
# declared names are short everywhere, properties and other names are not
expect "const a=1;f(a,o.name,{name:a},...a,x?a:b)" "const name = 1; f(name, o.name, { name: name }, ...name, x ? name : b)"
expect 'let b=a;let c=b' 'let name = a; let other = name'
expect "const a='name';a" "const name = 'name'; name"
expect 'const[one,two]=x' 'const [one, two] = x'
refuse 'shorthand property name' 'const name = 1; f({ name })'
refuse 'shorthand property name' 'const name = 1; f({ a: 1, name })'
refuse 'not in single quotes' 'f("a")'
refuse 'does not end' 'f(/a'
exit $failed
