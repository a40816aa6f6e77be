-- The history of the catalog tables, and what wakes the daemon when a row that decides has changed.

CREATE OR REPLACE FUNCTION attrib.bump_catalog()
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	now_version bigint;
BEGIN
	UPDATE attrib.catalog_state SET version = version + 1, changed_by = pg_current_xact_id()
	WHERE changed_by IS DISTINCT FROM pg_current_xact_id()
	RETURNING version INTO now_version;
	IF FOUND THEN
		PERFORM pg_notify('attrib_catalog', now_version::text);
	END IF;
END $$;
COMMENT ON FUNCTION attrib.bump_catalog() IS 'Raises the catalog version once per transaction and notifies attrib_catalog. The row lock makes the order of versions the order of commits.';

-- Arguments: the columns of the row's key. A change to a decision's ground bumps the catalog.
CREATE OR REPLACE FUNCTION attrib.keep_history()
RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	at timestamptz := clock_timestamp();
	same text;
BEGIN
	IF TG_OP = 'UPDATE' AND NEW IS NOT DISTINCT FROM OLD THEN
		RETURN NULL;
	END IF;
	IF TG_OP <> 'INSERT' THEN
		SELECT string_agg(format('h.%1$I = ($2).%1$I', k), ' AND ') INTO same FROM unnest(TG_ARGV) k;
		EXECUTE format('UPDATE attrib.%I h SET superseded_at = $1 WHERE superseded_at = ''infinity'' AND %s',
			TG_TABLE_NAME || '_history', same) USING at, OLD;
	END IF;
	IF TG_OP <> 'DELETE' THEN
		EXECUTE format('INSERT INTO attrib.%I SELECT ($2).*, $1, ''infinity''', TG_TABLE_NAME || '_history')
			USING at, NEW;
	END IF;
	IF TG_TABLE_NAME IN ('tracker', 'campaign', 'creator_customer', 'code_alias') THEN
		PERFORM attrib.bump_catalog();
	END IF;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION attrib.keep_history() IS 'Trigger: closes the old version of a row and records the new one. Arguments are the columns of the key.';

CREATE OR REPLACE FUNCTION attrib.keep_history_of_all()
RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('UPDATE attrib.%I SET superseded_at = clock_timestamp() WHERE superseded_at = ''infinity''',
		TG_TABLE_NAME || '_history');
	IF TG_TABLE_NAME IN ('tracker', 'campaign', 'creator_customer', 'code_alias') THEN
		PERFORM attrib.bump_catalog();
	END IF;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION attrib.keep_history_of_all() IS 'Trigger: TRUNCATE closes the versions of all rows.';

CREATE OR REPLACE FUNCTION attrib.fold_tracker()
RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.folded := CASE NEW.kind WHEN 'utm' THEN attrib.fold_utm(NEW.key) ELSE attrib.fold(NEW.key) END;
	RETURN NEW;
END $$;
COMMENT ON FUNCTION attrib.fold_tracker() IS 'Trigger: the folded key of a tracker follows its key.';

CREATE OR REPLACE TRIGGER fold BEFORE INSERT OR UPDATE ON attrib.tracker
	FOR EACH ROW EXECUTE FUNCTION attrib.fold_tracker();

DO $$
DECLARE
	entry text;
	name text;
BEGIN
	FOREACH entry IN ARRAY ARRAY['creator:site,handle', 'creator_account:site,platform,handle,valid_from',
		'campaign:site,name', 'placement:site,name', 'tracker:tracker_id', 'cost:site,cost_id',
		'post_metrics:site,placement,taken_at,scope,mode',
		'follower_count:site,owner,creator,platform,counted_on',
		'rate_card:site,platform,action,valid_from', 'exchange_rate:base,quote,valid_on',
		'kpi_target:site,metric,scope,scope_key', 'order_claim:site,order_id,platform,creator',
		'code_alias:site,vendor,external_id', 'creator_customer:site,creator,key_kind,key',
		'site_group:name,site', 'margin:site,campaign,valid_from', 'engagement_count:site,platform,count',
		'mention_daily:site,subject,platform,term,campaign,counted_on',
		'benchmark:site,metric,platform,tier,content_type', 'ad_map:site,platform,ad_id',
		'audience_snapshot:site,creator,platform,taken_on,dimension,value',
		'placement_note:site,placement,noted_on,kind',
		'commission_rule:site,campaign,creator,kind,currency,valid_from', 'diagnosis_rule:site,rule'] LOOP
		name := split_part(entry, ':', 1);
		EXECUTE format('CREATE OR REPLACE TRIGGER history AFTER INSERT OR UPDATE OR DELETE ON attrib.%I '
			'FOR EACH ROW EXECUTE FUNCTION attrib.keep_history(%s)', name,
			(SELECT string_agg(quote_literal(k), ', ') FROM unnest(string_to_array(split_part(entry, ':', 2), ',')) k));
		EXECUTE format('CREATE OR REPLACE TRIGGER history_of_all BEFORE TRUNCATE ON attrib.%I '
			'FOR EACH STATEMENT EXECUTE FUNCTION attrib.keep_history_of_all()', name);
	END LOOP;
END $$;
