-- One creator beside what is normal, beside the creators of its tier and platform, and beside its own past.

CREATE OR REPLACE VIEW attrib.kpi_scorecard AS
SELECT site, creator, n, metric, value, verdict, benchmark_low, benchmark_high, benchmark_source, tier, tier_low, tier_median, tier_high,
	tier_creators, before, change, observations, observed, z, signal, unknown
FROM attrib.scorecard_rows(NULL, NULL, NULL, NULL, NULL);
SELECT attrib.describe('kpi_scorecard', 'Every figure of metric_list() of every creator that has anything, over all time, by the site''s primary model and net revenue, judged. Ratios are fractions. All time has no period before it: before, change, marginal_roi and signals are in kpi_scorecard_between.',
	'site: shop', 'creator: who', 'n: place of the figure', 'metric: id of the figure', 'value: NULL where the denominator is 0 or nobody told it',
	'verdict: low, normal or high by the benchmark, without one by the quarters of the tier (below tier_low, above tier_high) where at least 5 creators have the figure; else unknown',
	'benchmark_low: below is low', 'benchmark_high: above is high', 'benchmark_source: where the benchmark is from',
	'tier: of the creator', 'tier_low: a quarter of the shop''s creators of this tier, with the same main platform, is below', 'tier_median: half of them is below', 'tier_high: a quarter of them is above',
	'tier_creators: of this tier and platform with the figure, by as many observations as it takes; the creator among them',
	'before: value in the period of the same length before', 'change: (value - before) / |before|',
	'observations: how many the figure is made of', 'observed: what these are',
	'z: of shares that tell an audience''s quality, by how many standard errors the share differs from before: two_shares()',
	'signal: z is 3 or more in the bad direction, with enough observations in both periods; NULL = can''t be said, or no such share',
	'unknown: why the verdict is unknown, in words');

CREATE OR REPLACE FUNCTION attrib.kpi_scorecard_between(site text, from_date date, to_date date, creator text DEFAULT NULL, model text DEFAULT NULL)
RETURNS SETOF attrib.kpi_scorecard LANGUAGE sql STABLE AS $$
	SELECT * FROM attrib.scorecard_rows($1, $2, $3, $4, $5)
$$;
COMMENT ON FUNCTION attrib.kpi_scorecard_between(text, date, date, text, text) IS 'The view kpi_scorecard for the local days from_date..to_date, both included, beside as many days before; site and creator NULL = all, model NULL = the primary one.';

-- What others have replaced.
DROP FUNCTION IF EXISTS attrib.post_counts(text, date, date);
DROP FUNCTION IF EXISTS attrib.followers_at(text, text, text, date);
