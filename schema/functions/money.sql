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
