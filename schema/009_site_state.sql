-- Whose memory decides a site, and which records a state directory goes on without.

CREATE TABLE attrib.site_state (
	site     text COLLATE "C" PRIMARY KEY,
	instance bytea NOT NULL REFERENCES attrib.instance ON DELETE CASCADE,
	taken_at timestamptz NOT NULL DEFAULT now()
);
SELECT attrib.describe('site_state', 'Which instance holds the facts of a site in its memory: the only one that may decide its orders. The first one to ask gets it; attribd take-over gives it to another.',
	'site: shop',
	'instance: its owner',
	'taken_at: since when');

ALTER TABLE attrib.lane_position ADD COLUMN given_up boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN attrib.lane_position.given_up IS 'attribd take-over: the state directory lacks records of this lane and goes on without them';

INSERT INTO attrib.schema_version (version, oldest_daemon) VALUES (9, 6);
