-- Minor units and the one way of splitting them.

CREATE OR REPLACE FUNCTION attrib.currency_exponent(currency text)
RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE
		WHEN currency IN ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF',
			'UGX', 'UYI', 'VND', 'VUV', 'XAF', 'XOF', 'XPF') THEN 0
		WHEN currency IN ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') THEN 3
		WHEN currency IN ('CLF', 'UYW') THEN 4
		ELSE 2 END
$$;
COMMENT ON FUNCTION attrib.currency_exponent(text) IS 'Fraction digits of a currency by ISO 4217: EUR 2, JPY 0, KWD 3.';

CREATE OR REPLACE FUNCTION attrib.major(minor numeric, currency text)
RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT round(minor / 10::numeric ^ attrib.currency_exponent(currency), attrib.currency_exponent(currency))
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
