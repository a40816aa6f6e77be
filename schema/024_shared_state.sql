-- Several instances on one state: who it is, who is on it, and what each of them says of a site's settings.

ALTER TABLE attrib.instance ADD COLUMN state bytea CHECK (length(state) = 16);
COMMENT ON COLUMN attrib.instance.state IS 'the shared state that holds its facts; NULL = its own memory';
ALTER TABLE attrib.site_state ADD COLUMN state bytea CHECK (length(state) = 16);
SELECT attrib.describe('site_state', 'Who holds the facts of a site and so decides its orders: the memory of one instance, or a state that instances share. The first one to ask gets it; attribd take-over gives it to another.',
	'instance: its owner, and with a shared state whoever came first',
	'state: the id that lies in the shared state; every instance on it decides the site. NULL = only the instance does');

CREATE TABLE attrib.site_settings (
	site     text COLLATE "C" NOT NULL REFERENCES attrib.site ON DELETE CASCADE,
	instance bytea NOT NULL REFERENCES attrib.instance ON DELETE CASCADE,
	number   bigint NOT NULL,
	stated   jsonb NOT NULL,
	PRIMARY KEY (site, instance)
);
SELECT attrib.describe('site_settings', 'What each instance of a shared state said last of a site. The one of the greatest number stands for all of them: who says again what it has said before changes nothing.',
	'site: shop', 'instance: who says so', 'number: grows with everything that is said anew of the site',
	'stated: all settings of the site that all instances have to agree on');

INSERT INTO attrib.schema_version (version, oldest_daemon) VALUES (24, 6);
