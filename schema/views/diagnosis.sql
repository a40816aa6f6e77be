-- What to do about a campaign, creator or post, and why.

CREATE OR REPLACE VIEW attrib.kpi_diagnosis AS
SELECT site, scope, scope_key, rule, metric, condition, value, observations, observed, low, high, source, before, evidence, advice
FROM attrib.diagnosis_rows(NULL, NULL, NULL);
SELECT attrib.describe('kpi_diagnosis', 'Every rule of diagnosis_rule that a campaign, creator or post meets, over all time, by the site''s primary model. All time has no history: only benchmarks speak, kpi_diagnosis_between knows both.',
	'site: shop', 'scope: campaign, creator or placement', 'scope_key: its key', 'rule: of diagnosis_rule', 'metric: that the rule looks at',
	'condition: low or high', 'value: of the metric', 'observations: of what the metric is counted over', 'observed: what these are',
	'low: below is low', 'high: above is high', 'source: where the bound is from: a benchmark''s source, or own history',
	'before: the metric in the period of the same length before, of a post that of its creator; NULL = not known',
	'evidence: the counts behind it, in words', 'advice: what to do');

CREATE OR REPLACE FUNCTION attrib.kpi_diagnosis_between(site text, from_date date, to_date date)
RETURNS SETOF attrib.kpi_diagnosis LANGUAGE sql STABLE AS $$
	SELECT * FROM attrib.diagnosis_rows($1, $2, $3)
$$;
COMMENT ON FUNCTION attrib.kpi_diagnosis_between(text, date, date) IS 'The view kpi_diagnosis for the local days from_date..to_date, both included, beside as many days before; site NULL = all.';
