/*
 * The subcommands with their help. The help is written for somebody who has never seen the program:
 * what it does, what it needs, an example to paste.
 */
#include "cmd_table.h"

#include <getopt.h>
#include <limits.h>
#include <string.h>

/* clang-format off: texts as they appear */
const struct cmd cmd_table[] = {
	{"serve", "[-c FILE]", "run the daemon (the default command)",
		"Takes clicks, visits, codes and orders over HTTP, decides who earned what, and "
		"writes\n"
		"results to PostgreSQL. Runs in the foreground and logs to standard error.\n"
		"SIGHUP reloads the configuration; SIGTERM answers what is in flight, writes what "
		"is\n"
		"decided and ends; a second one ends at once. What was acknowledged is in the "
		"journal.\n\n"
		"The database may be away, also at start: events are kept in the journal and catch "
		"up.\n\n"
		"Examples:\n"
		"  attribd -c attribd.conf\n"
		"  attribd serve --config /etc/attribd/attribd.conf\n",
		CMD_OPTION_CONFIG, 0, 0, cmd_serve},
	{"check-config", "[-c FILE]", "check a configuration and print what it amounts to",
		"Prints every setting with its effective value, secrets as ***. Mistakes are "
		"listed as\n"
		"file:line: key: expected ..., got ... and the exit status is 78.\n\n"
		"Example:\n"
		"  attribd check-config -c attribd.conf && systemctl reload attribd\n",
		CMD_OPTION_CONFIG, 0, 0, cmd_check_config},
	{"migrate", "[-c FILE]", "create or upgrade the schema `attrib` in the database",
		"Applies the migrations that are missing, each in its own transaction, and writes "
		"the\n"
		"sites of the configuration. Harmless to repeat. The daemon refuses a schema that "
		"does\n"
		"not fit it. The role of the connection string must own the schema `attrib`, or "
		"be\n"
		"allowed to create it and the extension btree_gist.\n\n"
		"Example:\n"
		"  createdb attrib && attribd migrate -c attribd.conf\n",
		CMD_OPTION_CONFIG, 0, 0, cmd_migrate},
	{"import", "TABLE FILE.csv [--site NAME] [--preset P] [-c FILE]",
		"load creators, trackers, costs, customers ... from CSV",
		"The first line names columns of the table, in any order. All rows are imported, "
		"or none:\n"
		"mistakes are listed as file:line: column: expected ..., got ... and the exit "
		"status is 65.\n"
		"A row whose key exists replaces that row; empty fields and columns that the file "
		"leaves\n"
		"out get their defaults. History is kept. A running daemon notices by itself.\n"
		"FILE - reads standard input. The column `site` may be left out when the "
		"configuration\n"
		"has one site, or with --site.\n\n"
		"Tables and their columns:\n"
		"  creator            site, handle, name, platform, tier, followers\n"
		"  creator_account    site, creator, platform, handle, tier, valid_from\n"
		"  campaign           site, name, goal, starts_on, ends_on, currency, budget, "
		"window,\n"
		"                     code_rule\n"
		"  placement          site, name, campaign, creator, platform, content_type, "
		"posted_at,\n"
		"                     url, paid, length_seconds\n"
		"  tracker            site, kind, key, creator, campaign, placement, destination,\n"
		"                     valid_from, valid_to, window, code_rule, generic\n"
		"  cost               site, cost_id, campaign, creator, placement, kind, amount, "
		"currency,\n"
		"                     incurred_on, covers_from, covers_to\n"
		"  post_metrics       site, placement, taken_at, scope, mode, impressions, reach, "
		"likes,\n"
		"                     comments, shares, saves, reactions, clicks, views, "
		"views_6s,\n"
		"                     views_completed, watch_seconds, new_followers\n"
		"  follower_count     site, owner, creator, platform, counted_on, followers\n"
		"  rate_card          site, platform, action, value, currency, valid_from\n"
		"  exchange_rate      base, quote, rate, valid_on\n"
		"  kpi_target         site, metric, scope, scope_key, target, direction, primary, "
		"deadline,\n"
		"                     model, basis, starts_on\n"
		"  order_claim        site, order_id, platform, creator, amount, currency\n"
		"  site_group         name, site\n"
		"  margin             site, campaign, rate, valid_from\n"
		"  engagement_count   site, platform, count\n"
		"  mention_daily      site, subject, platform, term, campaign, counted_on, "
		"mentions, positive,\n"
		"                     neutral, negative\n"
		"  benchmark          site, metric, platform, tier, content_type, low, high, "
		"source\n"
		"  ad_map             site, platform, ad_id, placement\n"
		"  audience_snapshot  site, creator, platform, taken_on, dimension, value, share\n"
		"  placement_note     site, placement, noted_on, kind, value, note\n"
		"  commission_rule    site, campaign, creator, kind, rate, amount, currency, cap, "
		"hold_days,\n"
		"                     valid_from, valid_to\n"
		"  diagnosis_rule     site, rule, metric, condition, compared_with, margin, "
		"also_metric,\n"
		"                     also_condition, advice, minimum, enabled\n"
		"  code_alias         site, vendor, external_id, key\n"
		"  creator_customer   site, creator, email, phone, customer_id\n"
		"  customers          site, email, phone, customer_id, first_order_at\n"
		"\n"
		"Dates are 2026-11-01, local times 2026-11-01 12:30, durations 30d, amounts "
		"1500.00.\n\n"
		"customers tells who bought before attribd counted: first_order_at is a date or an "
		"instant\n"
		"with its offset, without one it was before everything. Whoever has no earlier "
		"order "
		"is new\n"
		"from then on, also with customer_history = partial. creator_customer tells by "
		"which keys a\n"
		"creator buys: such an order is no credit of theirs. Rows of both need one of "
		"email, phone\n"
		"and customer_id; 0 is none. Only hashes are stored, made with the daemon's "
		"secret_file, which\n"
		"must be readable. While a large file of customers is taken in, results of its "
		"sites "
		"wait.\n\n"
		"--preset: post_metrics or cost from what a platform exports, as it is: its own "
		"columns,\n"
		"delimiter, numbers and days; sums at the end are passed over.\n"
		"  tiktok-ads         TikTok Ads Manager, a report of ads by day\n"
		"  tiktok-analytics   TikTok Analytics, content\n"
		"  instagram-posts    Instagram Insights of Meta Business Suite, posts and reels\n"
		"  instagram-stories  Instagram Insights of Meta Business Suite, stories\n"
		"  meta-ads           Meta Ads Manager, a report of ads by day\n"
		"  youtube-studio     YouTube Studio, advanced mode, content\n"
		"An ad's post is what ad_map says, a post's the placement with its url. One that "
		"nobody knows\n"
		"is a mistake, with --skip-unmatched its rows are left out and named. Ads of one "
		"post and day add\n"
		"up; into cost each ad and day is a row of kind paid_media. --as organic, paid or "
		"total,\n"
		"cumulative or delta (or both, with a comma): what the numbers are, when it is not "
		"paid,delta of\n"
		"ads, total,cumulative of posts, total,delta of posts by day. --on DAY: the day of "
		"the numbers, for\n"
		"a file that does not say it.\n\n"
		"Examples:\n"
		"  printf 'handle,name\\nlisa,Lisa Lang\\n' | attribd import creator - -c "
		"attribd.conf\n"
		"  printf 'kind,key,creator\\ncode,LISA10,lisa\\n' | attribd import tracker - -c "
		"attribd.conf\n"
		"  attribd import cost cost.csv --site acme -c attribd.conf\n"
		"  attribd import customers customers.csv -c attribd.conf\n"
		"  attribd import cost ads.csv --preset meta-ads --skip-unmatched -c attribd.conf\n"
		"  attribd import post_metrics 'Table data.csv' --preset youtube-studio --on "
		"2026-11-30\n",
		CMD_OPTION_CONFIG | CMD_OPTION_SITE | CMD_OPTION_PRESET | CMD_OPTION_AS |
			CMD_OPTION_ON | CMD_OPTION_SKIP_UNMATCHED,
		2, 2, cmd_import},
	{"report",
		"NAME [--site S] [--from DAY --to DAY] [--by DATE] [--model M] [--creator C] "
		"[--campaign C] "
		"[--format table|csv|json] [-c FILE]",
		"print ROI, CAC, avoided double counting ...",
		"  roi                      what each creator cost and brought, by model\n"
		"  cac                      what a new customer cost, by campaign\n"
		"  creator_money            what each creator brought, by the date of order, touch "
		"or "
		"refund\n"
		"  kpi_site                 all key figures of each site\n"
		"  kpi_campaign             all key figures of each campaign\n"
		"  kpi_creator              all key figures of each creator\n"
		"  kpi_placement            all key figures of each post\n"
		"  kpi_group                all key figures of each group of sites\n"
		"  kpi_funnel               from impressions to new customers, by campaign\n"
		"  kpi_target_status        which targets are met, and which are on the way\n"
		"  kpi_scorecard            each creator beside benchmarks, its tier and its own "
		"history\n"
		"  kpi_diagnosis            what is low or high, why, and what to do about it\n"
		"  kpi_unconverted          money that has no exchange rate\n"
		"  forecast                 what one more post of each creator is to bring, from "
		"posts "
		"before\n"
		"  kpi_attribution          revenue with an owner and without, claims counted "
		"twice, "
		"unknown keys\n"
		"  kpi_mention              what people say, by term, beside the time before\n"
		"  kpi_cohort               new customers by month, and what they have bought "
		"since\n"
		"  kpi_cohort_campaign      the same by the campaign that won them\n"
		"  kpi_cohort_creator       the same by the creator that won them\n"
		"  double_count             what the creators' own reports would count twice\n"
		"  double_count_by_creator  the same for each creator's own report\n"
		"  double_count_by_channel  the same for channels that each report alone\n"
		"  double_count_outside     the same for imported claims of outside platforms\n"
		"  outside_claim            every imported claim, what was decided, who else "
		"claimed "
		"it\n"
		"  overlap_creators         pairs of creators that claim the same orders\n"
		"  overlap_channels         pairs of channels that claim the same orders\n"
		"  model_comparison         data-driven models beside the policy, as attribd model "
		"computed "
		"them\n"
		"  statement                what a creator may see of their commissions; with "
		"--creator\n"
		"  commission_status        what each order earns its creator, and what of it is "
		"paid\n"
		"  payouts                  what was or is to be paid to creators\n"
		"  order_credit             who earned which part of each order, by model\n"
		"  conversion_status        every order and lead with its state and money\n"
		"  adjustment               refunds, voids and cancels by their own dates\n"
		"  adjustment_credit        whose credit they took, by model\n"
		"  path_step                every touch that an order considered, and why it "
		"counts or not\n"
		"  traffic_daily            clicks, visits, carts and leads by day and tracker\n"
		"  traffic_quality          raw, valid, suspect and filtered events by day and "
		"tracker\n"
		"  traffic_reason           why events are suspect or filtered\n"
		"  suspect_credit           orders that were credited by suspect touches\n"
		"  unknown_tracker          keys that were seen and belong to nobody\n"
		"  outbox                   forwarded events that were not confirmed yet\n"
		"  quarantined              what could not be applied and waits for a person\n\n"
		"Days are local days of the site, both included; without them a report is over all "
		"time.\n"
		"Models: policy, last_touch, first_touch, linear, position, time_decay.\n"
		"--by (roi, creator_money): the days are those of the order (the default), of the "
		"touch that\n"
		"was credited, or of the refund: orders by their own day less what was refunded in "
		"the period.\n"
		"--creator, --campaign: only rows of this one, of reports that have such a "
		"column.\n"
		"The same reports are views of the schema `attrib` in the database.\n\n"
		"Examples:\n"
		"  attribd report roi --model policy -c attribd.conf\n"
		"  attribd report roi --from 2026-11-01 --to 2026-11-30 --format csv -c "
		"attribd.conf > roi.csv\n"
		"  attribd report creator_money --from 2026-11-01 --to 2026-11-30 --by refund -c "
		"attribd.conf\n",
		CMD_OPTION_CONFIG | CMD_OPTION_SITE | CMD_OPTION_FROM | CMD_OPTION_TO |
			CMD_OPTION_BY | CMD_OPTION_MODEL | CMD_OPTION_CREATOR |
			CMD_OPTION_CAMPAIGN | CMD_OPTION_FORMAT,
		1, 1, cmd_report},
	{"model",
		"markov|shapley [--site S] --from DAY --to DAY [--order 1..3] [--level L] "
		"[--format F] "
		"[-c FILE]",
		"credit by what all paths say together",
		"Reads the paths of the counted orders of a period, shares orders and money by a "
		"model of\n"
		"all of them together, keeps the run in the tables model_run and model_credit, and "
		"prints it\n"
		"beside the policy model.\n"
		"  markov   by what would be lost without each: the next touch depends on the last "
		"--order\n"
		"           touches (1 to 3, the default is 1); solved exactly\n"
		"  shapley  each order in equal parts to whoever is on its path: the Shapley "
		"value\n"
		"--level says who shares: creator (the default), campaign or channel. Each "
		"currency is a\n"
		"model of its own. Orders without a touch stay unattributed. Only journeys that "
		"ended in an\n"
		"order have stored paths: what that means stands in docs/models.md.\n\n"
		"Examples:\n"
		"  attribd model markov --from 2026-11-01 --to 2026-11-30 --order 2 -c "
		"attribd.conf\n"
		"  attribd model shapley --from 2026-11-01 --to 2026-11-30 --level campaign "
		"--format "
		"csv\n"
		"  attribd report model_comparison -c attribd.conf\n",
		CMD_OPTION_CONFIG | CMD_OPTION_SITE | CMD_OPTION_FROM | CMD_OPTION_TO |
			CMD_OPTION_FORMAT | CMD_OPTION_ORDER | CMD_OPTION_LEVEL,
		1, 1, cmd_model},
	{"explain", "ORDER [--site S] [--kind order|lead] [--format table|json] [-c FILE]",
		"say why an order is credited as it is",
		"Prints the status and money of one order, the rule that decided, every touch that "
		"was\n"
		"found and why it counts or not, the creators who got nothing and why, the credits "
		"of\n"
		"every model, refunds and cancels. ORDER is its id, or another name that the shop "
		"gave\n"
		"it, such as its number. Times are the site's own; in JSON they are UTC. An order "
		"that\n"
		"is not in the database gives exit status 65.\n\n"
		"Examples:\n"
		"  attribd explain 1001 --site acme -c attribd.conf\n"
		"  attribd explain '#1001' --format json -c attribd.conf\n"
		"  attribd explain lead-7 --kind lead -c attribd.conf\n",
		CMD_OPTION_CONFIG | CMD_OPTION_SITE | CMD_OPTION_KIND | CMD_OPTION_FORMAT, 1, 1,
		cmd_explain},
	{"link", "add|list [OPTIONS] [-c FILE]", "make a creator's link, code or UTM address",
		"add makes a tracker, as import tracker would, and prints what to hand out. A "
		"running "
		"daemon\n"
		"knows it at once.\n\n"
		"  --kind link       https://<public_url>/c/<key>, the default: every click is "
		"seen\n"
		"  --kind affiliate  the destination with the affiliate id in the first of "
		"affiliate_params\n"
		"  --kind utm        the destination with the UTM parameters of the rule --key\n"
		"                    source/medium/campaign/term/content\n"
		"  --kind code       the code; and the destination with the code where it says "
		"{key}, "
		"such as\n"
		"                    https://shop.example/discount/{key}?redirect=/new\n\n"
		"  --creator HANDLE  who earns; may be left out when the placement has a creator\n"
		"  --campaign NAME, --placement NAME\n"
		"                    it belongs to; several --placement make a link for each post\n"
		"  --key KEY         else one of eight letters and digits that nobody has is made\n"
		"  --destination URL where the visitor goes\n"
		"  --from TIME, --to TIME\n"
		"                    when it is valid, local times of the site, the end excluded\n"
		"  --window 14d, --code-rule RULE\n"
		"                    instead of the campaign's or the site's\n"
		"  --sub TEXT        goes along to the shop as the parameter sub; for the shop's "
		"own "
		"numbers\n"
		"  --qr              also draws the address for a terminal, --qr-svg FILE for "
		"print\n"
		"  --site NAME       which may be left out when the configuration has one site\n\n"
		"add --csv FILE (or -) makes all links of a file, or none: its header names "
		"fields, "
		"site, kind,\n"
		"key, creator, campaign, placement, destination, valid_from, valid_to, window, "
		"code_rule, sub.\n"
		"Mistakes are listed as file:line: field: expected ..., got ... and the exit "
		"status is "
		"65.\n"
		"A key that somebody has in that period is refused; the same link again is no "
		"mistake, "
		"and is\n"
		"printed again. With --csv, and by list, links are printed as CSV, the address in "
		"the "
		"column url.\n\n"
		"Examples:\n"
		"  attribd link add --creator lisa --destination https://shop.example/new --qr -c "
		"attribd.conf\n"
		"  attribd link add --kind code --key LISA10 --creator lisa -c attribd.conf\n"
		"  attribd link add --placement lisa-reel --placement lisa-story \\\n"
		"    --destination https://shop.example/ -c attribd.conf\n"
		"  attribd link add --csv wanted.csv -c attribd.conf > links.csv\n"
		"  attribd link list --creator lisa -c attribd.conf\n",
		CMD_OPTION_CONFIG | CMD_OPTION_SITE | CMD_OPTION_KIND | CMD_OPTION_KEY |
			CMD_OPTION_CREATOR | CMD_OPTION_CAMPAIGN | CMD_OPTION_PLACEMENT |
			CMD_OPTION_DESTINATION | CMD_OPTION_FROM | CMD_OPTION_TO |
			CMD_OPTION_WINDOW | CMD_OPTION_CODE_RULE | CMD_OPTION_SUB | CMD_OPTION_CSV |
			CMD_OPTION_QR | CMD_OPTION_QR_SVG,
		1, 1, cmd_link},
	{"journal",
		"verify|dump|adopt DIR [--lane ID] [--from N] [--to N] [--format text|json] [-c "
		"FILE]",
		"check, print or adopt the journal of a state directory",
		"verify and dump read the segments below DIR (state_dir, or its directory "
		"journal), change\n"
		"nothing and may run beside the daemon. A torn tail is normal after a crash; "
		"damage in the\n"
		"middle is named, with the numbers of the records that are missing, and gives exit "
		"status 65.\n"
		"A segment of a newer format gives 78.\n\n"
		"verify prints a line for each segment, each damage, and a sum.\n"
		"dump prints a line for each record: lane, number, segment and offset, when it was "
		"received,\n"
		"type, site, the first digits of its ids, order. --lane takes the first digits of "
		"a lane's id,\n"
		"--from and --to are record numbers, both included.\n\n"
		"adopt is for a copy of this state_dir that ran elsewhere and was fenced: events "
		"that it had\n"
		"acknowledged and not written to PostgreSQL are in its journal alone. adopt copies "
		"what DIR, the\n"
		"state_dir of the copy, has and the state_dir of the configuration has not; the "
		"next start\n"
		"counts it, once. Both daemons must be stopped. DIR is not changed; a damaged "
		"segment there, a\n"
		"lane of another instance, or one that differs from the lane here gives 65 and "
		"nothing is\n"
		"adopted. Repeating it is harmless.\n\n"
		"Examples:\n"
		"  attribd journal verify /var/lib/attribd\n"
		"  attribd journal dump /var/lib/attribd --from 1200 --to 1300 --format json\n"
		"  attribd journal adopt /mnt/old-disk/attribd -c /etc/attribd/attribd.conf\n",
		CMD_OPTION_LANE | CMD_OPTION_FROM | CMD_OPTION_TO | CMD_OPTION_FORMAT |
			CMD_OPTION_CONFIG,
		2, 2, cmd_journal},
	{"take-over", "[-c FILE]", "let this state_dir decide its sites, whatever it lacks",
		"Each site is decided by the memory of one instance: the state_dir that PostgreSQL "
		"knows\n"
		"for it. A daemon with another state_dir, or with an older copy of the same one, "
		"ends with\n"
		"exit status 78 and says why. This command is the way out when the right state_dir "
		"is lost:\n\n"
		"  - it makes the state_dir of the configuration the owner of all its sites; a "
		"daemon of the\n"
		"    former owner that still runs ends at its next flush\n"
		"  - it notes the records that PostgreSQL has and the state_dir lacks, so that the "
		"daemon starts\n\n"
		"Nothing in PostgreSQL is deleted: orders stay counted, and orders that the "
		"state_dir hears of\n"
		"only afterwards keep their credit. But clicks and orders that it does not know "
		"take no part in\n"
		"later decisions, and events that only the former one had acknowledged stay in its "
		"journal: for\n"
		"a copy of the same state_dir see attribd help journal, adopt. The daemon of this "
		"state_dir must\n"
		"not run.\n\n"
		"Example:\n"
		"  systemctl stop attribd && attribd take-over && systemctl start attribd\n",
		CMD_OPTION_CONFIG, 0, 0, cmd_take_over},
	{"instances", "[retire ID] [-c FILE]",
		"list who shares the state in Redis, and how far each has come",
		"Each instance that shares a state in Redis says there from when on its journal "
		"holds records\n"
		"that PostgreSQL has not: it has written all that it received up to then. What "
		"they need is\n"
		"not forgotten, whoever is away, and for however long; only what stops cleanly, "
		"with everything\n"
		"written, is waited for no more. The list begins with the one that is furthest "
		"behind.\n\n"
		"retire ends the waiting for one that will never come back, because its state_dir "
		"is lost. It is\n"
		"refused for one that was heard of within the last minute. One that comes back all "
		"the same has\n"
		"its events counted once, as ever, but touches that its orders want may be gone, "
		"and it says so.\n\n"
		"Examples:\n"
		"  attribd instances -c attribd.conf\n"
		"  attribd instances retire 5b1f0c8e2d7a4f60913ce4a8b7d2f605 -c attribd.conf\n",
		CMD_OPTION_CONFIG, 0, 2, cmd_instances},
	{"quarantine", "list|retry [KEY...] [--site S] [--format table|csv|json] [-c FILE]",
		"show what could not be applied, and try it again",
		"list prints what waits for a person, with its key and why:\n"
		"  refused          PostgreSQL refused it for its data (a constraint, a trigger, a "
		"value\n"
		"                   that it can't hold); everything else of its batch went on\n"
		"  alias_conflict   an order states a name that another order holds\n"
		"  refund_currency  a refund in another currency than its order's\n"
		"retry merges refused rows again, as they were decided: those with these keys or "
		"order\n"
		"ids, or all. What is in leaves the quarantine, also what a later event has "
		"overtaken\n"
		"(outdated). What is refused again stays, and the exit status is 65; so it is when "
		"there\n"
		"is nothing of that name. Orders that were merged into one are tried together. The "
		"daemon\n"
		"may go on running. The other two reasons leave by themselves when a later event "
		"settles\n"
		"them.\n\n"
		"Examples:\n"
		"  attribd quarantine list -c attribd.conf\n"
		"  attribd quarantine retry --site acme -c attribd.conf\n"
		"  attribd quarantine retry 1001 '[\"refund\", \"1002\", \"shopify\", \"r1\", "
		"\"e1\"]' -c attribd.conf\n",
		CMD_OPTION_CONFIG | CMD_OPTION_SITE | CMD_OPTION_FORMAT, 1, INT_MAX - 1,
		cmd_quarantine},
	{"reconcile",
		"FILE.csv [--site S] [--from D --to D] [--preset P] [--backfill] [--format F] [-c "
		"FILE]",
		"compare with the shop's own list of orders, and fetch what is missing",
		"Reads the shop system's own export of its orders and says where it differs from "
		"what is\n"
		"counted: an order that is missing here or extra, another total, other refunds, "
		"another\n"
		"state. Orders are told by id, or by another name that is known here (#1001). The "
		"kind of\n"
		"export is told by its header, or --preset:\n"
		"  shopify          Orders -> Export, orders_export.csv\n"
		"  woocommerce      order_id, order_total, status, order_number, order_currency, "
		"...\n"
		"  stripe-payments  Payments -> Export, with PaymentIntent ID\n"
		"  stripe-balance   Reports -> Balance change from activity, itemized\n"
		"  plain            order_id, total; and name, currency, status, refunded, tax, "
		"shipping,\n"
		"                   discount, placed_at, paid_at, cancelled_at, refunded_at, "
		"codes, "
		"email,\n"
		"                   phone, customer_id, click_id, visitor_id\n"
		"Compared are the orders that were placed on the days --from to --to of the site, "
		"or all\n"
		"of the file; extra are those within that time that the file lacks.\n"
		"--backfill sends what was not heard to the running daemon, as native events with "
		"the\n"
		"site's write key: missing orders, refunds, cancels, payments. Harmless to repeat. "
		"Other\n"
		"totals, extra orders and what is more here than in the file are only told.\n"
		"Exit status: 0 no difference, or none that was left; 1 differences; 65 the file "
		"is "
		"bad:\n"
		"file:line: column: expected ..., got ....\n\n"
		"Examples:\n"
		"  attribd reconcile orders_export.csv --site acme -c attribd.conf\n"
		"  attribd reconcile orders_export.csv --from 2026-11-01 --to 2026-11-30 "
		"--backfill\n",
		CMD_OPTION_CONFIG | CMD_OPTION_SITE | CMD_OPTION_FROM | CMD_OPTION_TO |
			CMD_OPTION_FORMAT | CMD_OPTION_PRESET | CMD_OPTION_BACKFILL,
		1, 1, cmd_reconcile},
	{"outbox", "list|retry [ID...] [--site S] [--format table|csv|json] [-c FILE]",
		"show forwarded events that were not confirmed, and try failed ones now",
		"Decided conversions go to the receivers of forward.url. list prints the events "
		"that\n"
		"were not confirmed yet, and why:\n"
		"  waiting   for its first try, or for the next one\n"
		"  sending   on its way\n"
		"  held      behind an earlier event of the same conversion\n"
		"  dead      given up after forward.give_up; those behind it are held\n"
		"retry makes dead ones, and those that wait after a failure, due now, in their "
		"order: those\n"
		"with these order, event or webhook ids, or all. The running daemon sends them. "
		"Nothing of\n"
		"that name gives exit status 65.\n\n"
		"Examples:\n"
		"  attribd outbox list -c attribd.conf\n"
		"  attribd outbox retry --site acme -c attribd.conf\n"
		"  attribd outbox retry 1001 order:1002 -c attribd.conf\n",
		CMD_OPTION_CONFIG | CMD_OPTION_SITE | CMD_OPTION_FORMAT, 1, INT_MAX - 1,
		cmd_outbox},
	{"payout",
		"create|list|paid|cancel [NUMBER] [--site S] [--creator C] [--to DAY] [--min "
		"AMOUNT] "
		"[--reference R] [--on DAY] [--format F] [-c FILE]",
		"pay creators their approved commissions",
		"create makes a payout for each creator and currency: what is approved and not "
		"paid "
		"yet, of\n"
		"orders up to the day --to, less what has to be taken back of earlier payouts. "
		"What "
		"comes to\n"
		"less than --min, or to nothing, waits for the next one. Harmless to repeat: what "
		"is in "
		"a\n"
		"payout is in no second one.\n"
		"list prints payouts; paid NUMBER notes that one was sent, with the --reference of "
		"the "
		"transfer,\n"
		"today or --on another day; cancel NUMBER takes back one that was never sent. "
		"attribd "
		"moves no\n"
		"money. Rules, holding and refunds: docs/commissions.md.\n\n"
		"Examples:\n"
		"  attribd payout create --to 2026-10-31 --min 50 -c attribd.conf\n"
		"  attribd payout paid 7 --reference SEPA-2026-0815 -c attribd.conf\n"
		"  attribd report statement --creator lisa --format csv -c attribd.conf > "
		"lisa.csv\n",
		CMD_OPTION_CONFIG | CMD_OPTION_SITE | CMD_OPTION_CREATOR | CMD_OPTION_TO |
			CMD_OPTION_MIN | CMD_OPTION_REFERENCE | CMD_OPTION_ON | CMD_OPTION_FORMAT,
		1, 2, cmd_payout},
	{"webhooks", "list|retry [--site S] [-c FILE]",
		"show webhooks that could not be used, and send them again",
		"A webhook that is authentic and can't be used, in whole or in part, is answered "
		"200 "
		"and\n"
		"stands in the journal as it came, encrypted with a key of its day: until the "
		"journal "
		"lets\n"
		"its segment go (journal.retain), at most 30 days. list prints them, and why.\n"
		"retry sends all of them to the running daemon again, signed anew, after an "
		"upgrade or a\n"
		"changed setting: what was taken of them before is known and changes nothing. What "
		"is "
		"still\n"
		"refused gives exit status 65. Read and sent from the host that it runs on.\n\n"
		"Examples:\n"
		"  attribd webhooks list -c attribd.conf\n"
		"  attribd webhooks retry --site acme -c attribd.conf\n",
		CMD_OPTION_CONFIG | CMD_OPTION_SITE, 1, 1, cmd_webhooks},
	{"help", "[COMMAND|settings]", "explain a command, or list all settings",
		"Example:\n"
		"  attribd help import\n",
		0, 0, 1, cmd_help},
};
/* clang-format on */
const size_t cmd_table_size = sizeof cmd_table / sizeof *cmd_table;

static const struct option options[] = {
	{"config", required_argument, NULL, CMD_OPTION_CONFIG},
	{"site", required_argument, NULL, CMD_OPTION_SITE},
	{"from", required_argument, NULL, CMD_OPTION_FROM},
	{"to", required_argument, NULL, CMD_OPTION_TO},
	{"model", required_argument, NULL, CMD_OPTION_MODEL},
	{"by", required_argument, NULL, CMD_OPTION_BY},
	{"format", required_argument, NULL, CMD_OPTION_FORMAT},
	{"kind", required_argument, NULL, CMD_OPTION_KIND},
	{"lane", required_argument, NULL, CMD_OPTION_LANE},
	{"creator", required_argument, NULL, CMD_OPTION_CREATOR},
	{"campaign", required_argument, NULL, CMD_OPTION_CAMPAIGN},
	{"placement", required_argument, NULL, CMD_OPTION_PLACEMENT},
	{"key", required_argument, NULL, CMD_OPTION_KEY},
	{"destination", required_argument, NULL, CMD_OPTION_DESTINATION},
	{"window", required_argument, NULL, CMD_OPTION_WINDOW},
	{"code-rule", required_argument, NULL, CMD_OPTION_CODE_RULE},
	{"sub", required_argument, NULL, CMD_OPTION_SUB},
	{"csv", required_argument, NULL, CMD_OPTION_CSV},
	{"qr", no_argument, NULL, CMD_OPTION_QR},
	{"qr-svg", required_argument, NULL, CMD_OPTION_QR_SVG},
	{"preset", required_argument, NULL, CMD_OPTION_PRESET},
	{"backfill", no_argument, NULL, CMD_OPTION_BACKFILL},
	{"order", required_argument, NULL, CMD_OPTION_ORDER},
	{"level", required_argument, NULL, CMD_OPTION_LEVEL},
	{"min", required_argument, NULL, CMD_OPTION_MIN},
	{"reference", required_argument, NULL, CMD_OPTION_REFERENCE},
	{"on", required_argument, NULL, CMD_OPTION_ON},
	{"as", required_argument, NULL, CMD_OPTION_AS},
	{"skip-unmatched", no_argument, NULL, CMD_OPTION_SKIP_UNMATCHED},
	{"help", no_argument, NULL, CMD_OPTION_HELP},
	{"version", no_argument, NULL, CMD_OPTION_VERSION},
	{0},
};

const struct cmd *cmd_find(const char *name)
{
	for (size_t i = 0; i < cmd_table_size; i++) {
		if (strcmp(cmd_table[i].name, name) == 0)
			return &cmd_table[i];
	}
	return NULL;
}

/* Where the value of an option goes; NULL: it has none, or there is no room for one more. */
static const char **value_of(struct cmd_line *line, int option)
{
	switch ((enum cmd_option)option) {
	case CMD_OPTION_CONFIG:
		return &line->config;
	case CMD_OPTION_SITE:
		return &line->site;
	case CMD_OPTION_FROM:
		return &line->from;
	case CMD_OPTION_TO:
		return &line->to;
	case CMD_OPTION_MODEL:
		return &line->model;
	case CMD_OPTION_BY:
		return &line->by;
	case CMD_OPTION_FORMAT:
		return &line->format;
	case CMD_OPTION_KIND:
		return &line->kind;
	case CMD_OPTION_LANE:
		return &line->lane;
	case CMD_OPTION_CREATOR:
		return &line->creator;
	case CMD_OPTION_CAMPAIGN:
		return &line->campaign;
	case CMD_OPTION_KEY:
		return &line->key;
	case CMD_OPTION_DESTINATION:
		return &line->destination;
	case CMD_OPTION_WINDOW:
		return &line->window;
	case CMD_OPTION_CODE_RULE:
		return &line->code_rule;
	case CMD_OPTION_SUB:
		return &line->sub;
	case CMD_OPTION_CSV:
		return &line->csv;
	case CMD_OPTION_QR_SVG:
		return &line->qr_svg;
	case CMD_OPTION_PLACEMENT:
		if (line->placement_count == CMD_PLACEMENTS_MAX)
			break;
		return &line->placements[line->placement_count++];
	case CMD_OPTION_PRESET:
		return &line->preset;
	case CMD_OPTION_ORDER:
		return &line->order;
	case CMD_OPTION_LEVEL:
		return &line->level;
	case CMD_OPTION_MIN:
		return &line->min;
	case CMD_OPTION_REFERENCE:
		return &line->reference;
	case CMD_OPTION_ON:
		return &line->on;
	case CMD_OPTION_AS:
		return &line->as;
	case CMD_OPTION_QR:
	case CMD_OPTION_SKIP_UNMATCHED:
	case CMD_OPTION_BACKFILL:
	case CMD_OPTION_HELP:
	case CMD_OPTION_VERSION:
		break;
	}
	return NULL;
}

static int read_options(int argc, char **argv, struct cmd_line *line)
{
	const char **value;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":c:h", options, NULL)) != -1) {
		if (option == ':' || option == '?') {
			cmd_complain("%s: %s; see attribd --help", argv[optind - 1],
				option == ':' ? "expected a value behind it" : "no such option");
			return EX_USAGE;
		}
		option = option == 'c'   ? CMD_OPTION_CONFIG
			 : option == 'h' ? CMD_OPTION_HELP
					 : option;
		line->given |= (unsigned)option;
		value = value_of(line, option);
		if (value)
			*value = optarg;
		if (optarg && !value) {
			cmd_complain("%s: given too often", argv[optind - 1]);
			return EX_USAGE;
		}
	}
	line->operands = argv + optind;
	line->operand_count = argc - optind;
	return EX_OK;
}

/* What was given and the command does not take. */
static int check_options(const struct cmd *cmd, const struct cmd_line *line)
{
	for (const struct option *o = options; o->name; o++) {
		if (line->given & ~cmd->options & (unsigned)o->val) {
			cmd_complain("%s takes no --%s; see attribd help %s", cmd->name, o->name,
				cmd->name);
			return EX_USAGE;
		}
	}
	if (line->operand_count - 1 < cmd->operands_min ||
		line->operand_count - 1 > cmd->operands_max) {
		cmd_complain("expected: attribd %s %s; see attribd help %s", cmd->name,
			cmd->synopsis, cmd->name);
		return EX_USAGE;
	}
	return EX_OK;
}

int cmd_read_line(int argc, char **argv, struct cmd_line *line)
{
	static char serve[] = "serve", *serve_only[] = {serve, NULL};
	const struct cmd *cmd;
	int status;

	*line = (struct cmd_line){.config = CMD_CONFIG_FILE};
	status = read_options(argc, argv, line);
	if (status)
		return status;
	if (line->operand_count == 0) {
		line->operands = serve_only;
		line->operand_count = 1;
		line->implied = true;
	}
	if (line->given & (CMD_OPTION_HELP | CMD_OPTION_VERSION))
		return EX_OK;
	cmd = cmd_find(line->operands[0]);
	if (!cmd) {
		cmd_complain("no command \"%s\"; see attribd --help", line->operands[0]);
		return EX_USAGE;
	}
	return check_options(cmd, line);
}
