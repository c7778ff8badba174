-- An existing database whose owner can make it slow: every question to "entries" first takes drag.seconds.
CREATE TABLE drag (seconds double precision NOT NULL);
INSERT INTO drag VALUES (0);

CREATE FUNCTION dragged() RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF (SELECT seconds FROM drag) > 0 THEN
        PERFORM pg_sleep(seconds) FROM drag;
    END IF;
    RETURN true;
END $$;

CREATE TABLE diary (
    id          integer     PRIMARY KEY,
    person      text        NOT NULL,
    symptom     text        NOT NULL,
    severity    smallint    NOT NULL,
    recorded_at timestamptz NOT NULL
);
INSERT INTO diary
SELECT n, (ARRAY['ada', 'ben'])[1 + n % 2], (ARRAY['Headache', 'Cough', 'Fatigue'])[1 + n % 3], n % 11,
       timestamptz '2026-01-01 00:00Z' + n * interval '7 hours'
FROM generate_series(1, 200) AS n;

CREATE VIEW entries AS SELECT * FROM diary WHERE (SELECT dragged());
GRANT SELECT ON entries, drag TO drawbridge_source;
