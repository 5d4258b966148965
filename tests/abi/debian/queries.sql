.mode list
PRAGMA journal_mode=DELETE;
CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, born INTEGER);
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
INSERT INTO person(name, born) SELECT printf('person %05d', i), 1900 + i % 100 FROM n;
COMMIT;
SELECT count(*), min(name), max(born) FROM person;
CREATE INDEX by_year ON person(born);
SELECT born, count(*) FROM person WHERE born BETWEEN 1950 AND 1952 GROUP BY born;
BEGIN; DELETE FROM person WHERE id % 2 = 0; SELECT count(*) FROM person; ROLLBACK;
SELECT count(*) FROM person;
PRAGMA journal_mode=WAL;
UPDATE person SET name = upper(name) WHERE id < 4;
SELECT * FROM person ORDER BY id LIMIT 4;
PRAGMA integrity_check;
INSERT INTO person(name) VALUES ('PERSON 00001');
SELECT group_concat(value, '-') FROM json_each('[1,2,{"a":3}]');
SELECT round(sqrt(2), 6), length(randomblob(16)), quote(x'00ff');
VACUUM;
PRAGMA page_count;
.quit
