-- Minor units and the one way of splitting them.

CREATE OR REPLACE FUNCTION attrib.currency_exponent(currency text)
RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	-- the argument once, so that the planner can put this in the place of any call
	SELECT coalesce((('{"BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0, "RWF": 0, "UGX": 0,
		"UYI": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
		"BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3, "CLF": 4, "UYW": 4}'::jsonb) -> currency)::int, 2)
$$;
COMMENT ON FUNCTION attrib.currency_exponent(text) IS 'Fraction digits of a currency by ISO 4217: EUR 2, JPY 0, KWD 3.';

-- A power of numerics takes longer than all else that an amount needs.
CREATE OR REPLACE FUNCTION attrib.minor_units(currency text)
RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE attrib.currency_exponent(currency) WHEN 2 THEN 100 WHEN 0 THEN 1 WHEN 3 THEN 1000 ELSE 10000 END::numeric
$$;
COMMENT ON FUNCTION attrib.minor_units(text) IS 'Minor units in one major unit of a currency: EUR 100, JPY 1, KWD 1000.';

CREATE OR REPLACE FUNCTION attrib.major(minor numeric, currency text)
RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT round(minor / attrib.minor_units(currency), attrib.currency_exponent(currency))
$$;
COMMENT ON FUNCTION attrib.major(numeric, text) IS 'Minor units of a currency in major units: 11900 EUR = 119.00.';

CREATE OR REPLACE FUNCTION attrib.scale_half_up(amount bigint, num bigint, den bigint)
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE WHEN den > 0 THEN div(2 * amount::numeric * num + den, 2 * den::numeric)::bigint ELSE 0 END
$$;
COMMENT ON FUNCTION attrib.scale_half_up(bigint, bigint, bigint) IS 'amount x num / den, rounded half up, of amounts that are not negative; 0 for den 0.';

CREATE OR REPLACE FUNCTION attrib.split_amount(amount bigint, weights bigint[])
RETURNS bigint[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
	whole     numeric := 0;
	left_over bigint := amount;
	parts     bigint[];
	rests     numeric[];
	weight    bigint;
	best      int;
BEGIN
	FOREACH weight IN ARRAY weights LOOP
		whole := whole + weight;
	END LOOP;
	IF whole <= 0 THEN
		RETURN array_fill(0::bigint, ARRAY[cardinality(weights)]);
	ELSIF cardinality(weights) = 1 THEN
		RETURN ARRAY[amount];
	END IF;
	FOREACH weight IN ARRAY weights LOOP
		parts := parts || div(amount::numeric * weight, whole)::bigint;
		rests := rests || mod(amount::numeric * weight, whole);
		left_over := left_over - parts[cardinality(parts)];
	END LOOP;
	WHILE left_over > 0 LOOP
		best := 1;
		FOR i IN 2..cardinality(rests) LOOP
			IF rests[i] > rests[best] THEN
				best := i;
			END IF;
		END LOOP;
		parts[best] := parts[best] + 1;
		rests[best] := -1;
		left_over := left_over - 1;
	END LOOP;
	RETURN parts;
END $$;
COMMENT ON FUNCTION attrib.split_amount(bigint, bigint[]) IS 'An amount that is not negative split by weights that are not negative, by largest remainder; equal remainders go to the earlier weight. The parts sum to the amount; without any weight they are 0.';

CREATE OR REPLACE FUNCTION attrib.rate_on(p_from text, p_to text, p_day date)
RETURNS numeric LANGUAGE sql STABLE PARALLEL SAFE AS $$
	SELECT CASE WHEN p_from = p_to THEN 1 ELSE coalesce(
		(SELECT rate FROM attrib.exchange_rate WHERE base = p_from AND quote = p_to AND valid_on <= p_day
			ORDER BY valid_on DESC LIMIT 1),
		(SELECT 1 / rate FROM attrib.exchange_rate WHERE base = p_to AND quote = p_from AND valid_on <= p_day
			ORDER BY valid_on DESC LIMIT 1)) END
$$;
COMMENT ON FUNCTION attrib.rate_on(text, text, date) IS 'Major units of the second currency for one of the first on a day: the newest exchange_rate by then, else the inverse of the newest the other way round. NULL = none.';

CREATE OR REPLACE FUNCTION attrib.minor_rate_on(p_from text, p_to text, p_day date)
RETURNS numeric LANGUAGE sql STABLE PARALLEL SAFE AS $$
	SELECT CASE WHEN p_from = p_to THEN 1 ELSE attrib.rate_on(p_from, p_to, p_day)
		* 10::numeric ^ (attrib.currency_exponent(p_to) - attrib.currency_exponent(p_from)) END
$$;
COMMENT ON FUNCTION attrib.minor_rate_on(text, text, date) IS 'rate_on in minor units.';

CREATE OR REPLACE FUNCTION attrib.scaled(amount bigint, factor numeric)
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE WHEN factor IS NULL OR factor = 1 THEN amount ELSE round(amount * factor)::bigint END
$$;
COMMENT ON FUNCTION attrib.scaled(bigint, numeric) IS 'amount x factor rounded half away from zero; NULL = as it is.';
