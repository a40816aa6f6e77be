-- Who bought before our time, and by which keys creators are known as customers.

ALTER TABLE attrib.site ADD COLUMN customers_imported_at timestamptz;
SELECT attrib.describe('site', 'The shops of the configuration, written by the daemon at start and reload. Its row is the lock of the site''s customers and rollups.',
	'customer_history: complete = a first sighting is a new customer; partial = unknown; complete for good once customers were imported',
	'customers_imported_at: first import of customers; NULL = never');

-- Whether earlier orders are known is said of a site, never of one customer.
ALTER TABLE attrib.customer DROP COLUMN complete;
SELECT attrib.describe('customer', 'One person, as far as keys of signed events and of imports unite.',
	'first_ordered_at: the earliest order that imports told; -infinity = before everything; NULL = none');

CREATE TABLE attrib.creator_customer (
	site     text COLLATE "C" NOT NULL,
	creator  text COLLATE "C" NOT NULL CHECK (creator <> ''),
	key_kind smallint NOT NULL CHECK (key_kind IN (1, 2, 3)),
	key      bytea NOT NULL CHECK (length(key) = 16),
	PRIMARY KEY (site, creator, key_kind, key)
);
SELECT attrib.describe('creator_customer', 'By which keys a creator is known as a customer: what that customer orders is the creator''s own. Filled by attribd import, which hashes.',
	'site: shop',
	'creator: handle in creator',
	'key_kind: 1 e-mail, 2 phone, 3 the shop''s customer id',
	'key: 16 bytes, keyed hash of the normalised value, as in customer_key');

CREATE TABLE attrib.creator_customer_history (LIKE attrib.creator_customer INCLUDING COMMENTS,
	recorded_at timestamptz NOT NULL, superseded_at timestamptz NOT NULL DEFAULT 'infinity');
SELECT attrib.describe('creator_customer_history', 'Every version of every row of creator_customer.',
	'recorded_at: when this version came into force',
	'superseded_at: when a deletion ended it; infinity = current');
CREATE INDEX ON attrib.creator_customer_history (site, creator) WHERE superseded_at = 'infinity';

INSERT INTO attrib.schema_version (version, oldest_daemon) VALUES (7, 6);
