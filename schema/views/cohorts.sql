-- Cohorts of customers, over all time as views, by first orders of a period as functions.

DO $$
DECLARE
	scope    text;
	dim      text;
	by_scope text[];
	columns  text := 'r.currency, r.customers, r.orders, r.net_revenue, r.net_per_customer, r.repeat_customers, r.repeat_rate';
	comments text[] := ARRAY['currency: of the site; what has no exchange rate is left out',
		'customers: whose first order was in the cohort, sum of shares', 'orders: all of theirs that are valid, the first ones included',
		'net_revenue: of these orders so far, major units', 'net_per_customer: net_revenue / customers',
		'repeat_customers: of customers, those with a second order', 'repeat_rate: repeat_customers / customers'];
BEGIN
	FOR n IN 0..12 LOOP
		columns := columns || format(', r.cumulative[%s] AS month_%s', n + 1, n);
		comments := comments || format('month_%s: net revenue per customer up to the end of %s; NULL before it is over', n,
			CASE n WHEN 0 THEN 'the month of the cohort' WHEN 1 THEN 'the month behind it' ELSE format('the %s. month behind it', n) END);
	END LOOP;
	FOREACH scope IN ARRAY ARRAY['', '_campaign', '_creator'] LOOP
		dim := substr(scope, 2);
		by_scope := CASE WHEN dim = '' THEN '{}' ELSE ARRAY[dim] END;
		EXECUTE format('CREATE OR REPLACE VIEW attrib.kpi_cohort%s AS SELECT r.site, r.cohort, %s%s '
			'FROM attrib.cohort_rows(NULL, NULL, NULL, NULL, %L) r', scope,
			CASE WHEN dim <> '' THEN format('r.cut[1] AS %I, ', dim) ELSE '' END, columns, by_scope);
		EXECUTE format('CREATE OR REPLACE FUNCTION attrib.kpi_cohort%1$s_between(site text, from_date date, to_date date, '
			'model text DEFAULT NULL) RETURNS SETOF attrib.kpi_cohort%1$s LANGUAGE sql STABLE AS %2$L', scope,
			format('SELECT r.site, r.cohort, %s%s FROM attrib.cohort_rows($1, $2, $3, attrib.model_number($4, $1), %L) r',
				CASE WHEN dim <> '' THEN 'r.cut[1], ' ELSE '' END, columns, by_scope));
		EXECUTE format('COMMENT ON FUNCTION attrib.kpi_cohort%1$s_between(text, date, date, text) IS %2$L', scope,
			format('The view kpi_cohort%s of customers whose first order was on the local days from_date..to_date, both included, with all that they have bought since; site NULL = all, model NULL = the primary one.', scope));
		PERFORM attrib.describe('kpi_cohort' || scope, 'New customers by the month of their first order'
				|| CASE WHEN dim <> '' THEN format(' and the %s that is credited with it', dim) ELSE '' END
				|| ', and what they have bought since, by order date. Customers of whom nobody can say whether an order is their first are in none.',
			VARIADIC ARRAY['site: shop', 'cohort: first day of the local month of the first order']
				|| CASE WHEN dim <> '' THEN ARRAY[dim || ': credited with the first order by the primary model; NULL = none'] ELSE '{}' END || comments);
	END LOOP;
END $$;
