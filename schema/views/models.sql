-- Data-driven models beside the policy.

CREATE OR REPLACE VIEW attrib.model_comparison AS
SELECT site, level, from_date, to_date, model, order_n, run_id, computed_at, scope, currency, share, removal_effect,
	conversions, gross, refunded, net, policy_conversions, policy_gross, policy_refunded, policy_net, net_difference
FROM attrib.model_comparison_rows(NULL);
SELECT attrib.describe('model_comparison', 'What attribd model computed, beside the policy model of the same days as it is now. Of each site, model, level and period the newest run; orders that came or changed after it are in the policy''s columns only.',
	'site: shop', 'level: who shares: creator, campaign or channel', 'from_date: first day, local date of counted_at',
	'to_date: last day, included', 'model: markov or shapley', 'order_n: of markov, 1 to 3; NULL = shapley',
	'run_id: of model_run', 'computed_at: when the run was made',
	'scope: creator, campaign or channel; NULL = nobody, or outside of campaigns', 'currency: ISO 4217',
	'share: of the conversions with a touch, a fraction; NULL = orders without a touch, or the policy''s alone',
	'removal_effect: of markov: part of all orders that the chain loses without the scope, a fraction',
	'conversions: orders by the model', 'gross: major units', 'refunded: major units', 'net: gross - refunded',
	'policy_conversions: orders by the policy model', 'policy_gross: major units', 'policy_refunded: major units',
	'policy_net: policy_gross - policy_refunded', 'net_difference: net - policy_net');
