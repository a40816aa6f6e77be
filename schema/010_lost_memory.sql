-- From when on an owner's memory reaches back.

ALTER TABLE attrib.site_state ADD COLUMN lost_at timestamptz;
COMMENT ON COLUMN attrib.site_state.lost_at IS 'attribd take-over: the owner''s memory lacks records of before; orders that were stored by then, and that it hears of for the first time afterwards, keep their path';

INSERT INTO attrib.schema_version (version, oldest_daemon) VALUES (10, 6);
