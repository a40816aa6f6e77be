-- What is odd about a touch, by name and not as one bit; which code was asked, and by which rule.

DROP VIEW IF EXISTS attrib.path_step;
ALTER TABLE attrib.path_row ADD flags int NOT NULL DEFAULT 0, ADD discount bigint NOT NULL DEFAULT 0;
UPDATE attrib.path_row SET flags = 512 WHERE suspect; -- clicks of search ads were all that was suspect
ALTER TABLE attrib.path_row DROP COLUMN suspect;
COMMENT ON COLUMN attrib.path_row.flags IS 'verdicts on the touch, bit set: attrib.flag_names()';
COMMENT ON COLUMN attrib.path_row.discount IS 'of a code: minor units of the order; 0 = not told';

ALTER TABLE attrib.conversion ADD code text NOT NULL DEFAULT '', ADD code_rule text NOT NULL DEFAULT '';
COMMENT ON COLUMN attrib.conversion.code IS 'the one owned code that was asked; empty = none';
COMMENT ON COLUMN attrib.conversion.code_rule IS 'by which rule: always, fallback, if_involved, if_winner, never; empty = no code';

DROP FUNCTION IF EXISTS attrib.explain_losers(attrib.conversion, attrib.credit, text);
DROP FUNCTION IF EXISTS attrib.explain_decision(attrib.conversion, attrib.credit, text);

INSERT INTO attrib.schema_version (version, oldest_daemon) VALUES (6, 6);
