-- Which server of a shared state decides: of two that hold the same one, the one that became its master last.

CREATE TABLE attrib.state_master (
	state         bytea NOT NULL CHECK (length(state) = 16),
	master        text COLLATE "C" NOT NULL,
	generation    bigint NOT NULL,
	met_by        bytea NOT NULL CHECK (length(met_by) = 16),
	met_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
	superseded_at timestamptz,
	PRIMARY KEY (state, master),
	UNIQUE (state, generation)
);
CREATE UNIQUE INDEX state_master_decides ON attrib.state_master (state) WHERE superseded_at IS NULL;
SELECT attrib.describe('state_master', 'The masters that a shared state in Redis has had, the last 64 of each. One of them decides; what was decided by another is not written any more.',
	'state: the id that lies in the state',
	'master: its master_replid, which is another one each time that a server becomes a master',
	'generation: grows with every master of the state',
	'met_by: the instance that came to it first',
	'met_at: when that was',
	'superseded_at: when another one took its place; NULL = it decides');

INSERT INTO attrib.schema_version (version, oldest_daemon) VALUES (25, 6);
