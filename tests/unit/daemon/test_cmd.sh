#!/usr/bin/env bash
# test_cmd.sh ATTRIBD: exit statuses and messages of the command line, without a database.
set -u
attribd=$1
dir=$(mktemp -d /tmp/attribd-cmd.XXXXXX)
trap 'rm -rf "$dir"' EXIT
failed=0

# expect STATUS TEXT ARG...: the status, and a text somewhere in the output
expect() {
	local status=$1 text=$2 out got
	shift 2
	out=$("$attribd" "$@" 2>&1 </dev/null)
	got=$?
	if [ $got -ne "$status" ] || [[ $out != *"$text"* ]]; then
		echo "attribd $*: expected status $status and \"$text\", got $got and:"
		echo "$out"
		failed=1
	fi
}

good=$dir/good.conf
cat >"$good" <<-EOF
	[attribd]
	state_dir = $dir
	postgres = host=$dir dbname=none password=hunter2
	[site a]
	write_key = secret-a
	[site b]
EOF
printf '[attribd]\nworkers = none\n' >"$dir/bad.conf"
printf 'handle\nann\n' >"$dir/creator.csv"

expect 0 "Commands:" --help
expect 0 "Commands:" help
expect 0 "attribd 0." --version
for command in serve check-config migrate import report link instances journal reconcile; do
	expect 0 "Usage: attribd $command" help "$command"
	expect 0 "Usage: attribd $command" "$command" --help
	expect 0 "xample" "$command" -h
done
expect 0 '`window.link`' help settings
expect 64 'no command "dance"' help dance
expect 64 'no command "dance"' dance
expect 64 "no such option" --dance
expect 64 "expected a value" report roi --site
expect 64 "takes no --site" migrate --site a
expect 64 "expected: attribd import" import creator
expect 64 "expected: attribd serve" serve now

expect 78 "state is memory" instances -c "$good"
expect 64 "expected nothing, or retire and an instance" instances retire -c "$good"

expect 78 "cannot be opened" -c "$dir/absent.conf"
expect 78 "bad.conf:2: workers: expected" -c "$dir/bad.conf"
expect 78 "bad.conf:2: workers: expected" check-config -c "$dir/bad.conf"
expect 78 "bad.conf:2: workers: expected" migrate -c "$dir/bad.conf"
expect 0 "write_key = ***" check-config -c "$good"
expect 0 "password=***" check-config --config="$good"

expect 64 "order_claim" import nonsense "$dir/creator.csv" -c "$good"
expect 64 "several" reconcile "$dir/creator.csv" -c "$good"
expect 64 "stripe-payments" reconcile "$dir/creator.csv" --site a --preset x -c "$good"
expect 64 "takes no --backfill" report roi --backfill
expect 65 "creator.csv:1: expected the header" reconcile "$dir/creator.csv" --site a -c "$good"
expect 64 "double_count" report nonsense -c "$good"
while read -r line; do
	expect 0 "$line" help report
done < <("$attribd" report nonsense -c "$good" 2>&1 | grep '^  ')
expect 64 "time_decay" report roi --model best -c "$good"
expect 64 "order, touch or refund" report roi --by day -c "$good"
expect 64 "table, csv or json" report roi --format xml -c "$good"
expect 64 "expected a site" report roi --site c -c "$good"
expect 64 "expected a site" import creator "$dir/creator.csv" --site c -c "$good"
expect 64 "expected dates" report cac --site a --from 2026-13-01 --to 2026-12-31 -c "$good"
expect 74 "No such file" import creator "$dir/absent.csv" -c "$good" --site a
expect 69 "database:" import creator "$dir/creator.csv" -c "$good" --site a
expect 69 "database:" import creator - -c "$good" --site a
expect 69 "database:" report roi -c "$good"
expect 69 "database:" migrate -c "$good"

expect 64 "expected add or list" link make -c "$good"
expect 64 "takes no --format" link list --format csv -c "$good"
expect 64 "stands in the file" link add --csv x --creator a -c "$good"
expect 74 "No such file" link add --csv "$dir/absent.csv" -c "$good"
expect 74 "No such file" link add --site a --qr-svg "$dir/absent/x.svg" -c "$good"
expect 69 "database:" link add --csv "$dir/creator.csv" --site a -c "$good"
expect 69 "database:" link add --site a --creator b -c "$good"

expect 64 "expected verify, dump or adopt" journal repair "$dir"
expect 64 "takes no options" journal verify "$dir" --from 1
expect 64 "takes no -c" journal dump "$dir" -c "$good"
expect 64 "takes no option but -c" journal adopt "$dir" --from 1
expect 78 "cannot be opened" journal adopt "$dir" -c "$dir/absent.conf"
expect 74 "expected a state_dir" journal adopt "$dir/absent" -c "$good"
expect 64 "--lane: expected" journal dump "$dir" --lane XYZ
expect 64 "--from: expected the number" journal dump "$dir" --from -1
expect 64 "expected text or json" journal dump "$dir" --format csv
expect 74 "No such file" journal dump "$dir/absent"
expect 74 "No such file" journal verify "$dir/absent"
mkdir "$dir/journal"
expect 0 "0 records" journal verify "$dir"
expect 0 "" journal dump "$dir"
expect 69 "database:" take-over -c "$good"

# No message shows a secret.
for arguments in "check-config" "migrate" "report roi" "import creator $dir/creator.csv --site a"; do
	# shellcheck disable=SC2086
	if "$attribd" $arguments -c "$good" 2>&1 | grep -qE 'secret-a|hunter2'; then
		echo "attribd $arguments shows a secret"
		failed=1
	fi
done
exit $failed
