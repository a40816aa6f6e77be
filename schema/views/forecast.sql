-- What one planned post is to bring: the head of functions/forecast.sql says how.

CREATE OR REPLACE VIEW attrib.forecast AS
SELECT site COLLATE "C" AS site, creator COLLATE "C" AS creator, figure, expected, low, high, currency, cost, tier, own_posts,
	tier_posts, tier_creators, reason
FROM attrib.forecast_rows(NULL, NULL, NULL, NULL, NULL);
SELECT attrib.describe('forecast', 'What one more post of each creator is to bring in its first 30 days, from posts that are that old and have a tracker of their own: the creator''s, and those of its tier as far as its own are few. A post like others of any platform and type; attrib.forecast(site, creator, platform, content_type, cost) asks for one in particular. The answer of a tier needs posts of 8 creators and 8 posts more than creators, that of a creator''s own posts alone 5.',
	'site: shop', 'creator: who is to post', 'figure: clicks (valid), orders (credited), revenue (net), roi',
	'expected: mean of such posts; NULL = no answer', 'low: 8 of 10 such posts lie between low and high', 'high: see low',
	'currency: of revenue and cost, ISO 4217', 'cost: of the post, as asked; else what the creator''s posts cost on average; NULL = unknown',
	'tier: of the creator', 'own_posts: posts of the creator that this goes by', 'tier_posts: posts of other creators of the tier',
	'tier_creators: these others', 'reason: why there is no answer: too few posts, no cost, unknown creator; NULL = there is one');

CREATE OR REPLACE FUNCTION attrib.forecast(site text, creator text, platform text DEFAULT NULL, content_type text DEFAULT NULL,
	cost numeric DEFAULT NULL)
RETURNS SETOF attrib.forecast LANGUAGE sql STABLE AS $$
	SELECT * FROM attrib.forecast_rows($1, $2, $3, $4, $5)
$$;
COMMENT ON FUNCTION attrib.forecast(text, text, text, text, numeric) IS 'The view forecast for one creator and a post on a platform, of a content type, that costs so many major units of the site''s currency; NULL = any platform, any type, what the creator''s posts cost on average.';
