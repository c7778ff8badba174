-- The "existing" database of a small clinic: its schema is not ours, and only the mapping knows it.

CREATE TABLE patient (
    id           integer PRIMARY KEY,
    display_name text    NOT NULL,
    birth_year   integer NOT NULL
);

CREATE TABLE symptom_type (
    id       integer PRIMARY KEY,
    label    text    NOT NULL UNIQUE,
    category text    NOT NULL
);

CREATE TABLE symptom_log (
    id           bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    patient_id   integer     NOT NULL REFERENCES patient,
    symptom_id   integer     NOT NULL REFERENCES symptom_type,
    logged_at    timestamptz NOT NULL,
    severity     smallint    CHECK (severity BETWEEN 0 AND 10),
    duration_min integer     CHECK (duration_min >= 0),
    remark       text
);

CREATE INDEX symptom_log_patient ON symptom_log (patient_id, logged_at, id);
CREATE INDEX symptom_log_symptom ON symptom_log (patient_id, symptom_id, logged_at);
