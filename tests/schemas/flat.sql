-- A practice's own table: everything in one place, several patients, times with their zone.
CREATE TABLE patients (id integer PRIMARY KEY, full_name text NOT NULL);
INSERT INTO patients VALUES (1, 'Ada'), (2, 'Ben'), (3, 'Cleo');

CREATE TABLE symptoms (
    id bigserial PRIMARY KEY,
    patient_id integer NOT NULL REFERENCES patients,
    symptom varchar(80) NOT NULL,
    category text,
    severity smallint,
    recorded_at timestamptz NOT NULL,
    duration_minutes integer,
    notes text
);

SELECT setseed(0.21);
INSERT INTO symptoms (patient_id, symptom, category, severity, recorded_at, duration_minutes, notes)
SELECT
    (ARRAY[1, 1, 1, 2, 2, 3])[1 + n % 6],
    kind.names[1 + floor(random() * array_length(kind.names, 1))::integer],
    kind.category,
    CASE WHEN random() < 0.9 THEN floor(random() * 11)::integer END,
    -- whole hours, so that many records share their time
    timestamptz '2023-06-01 00:00Z' + floor(random() * 900 * 24) * interval '1 hour',
    CASE WHEN random() < 0.7 THEN floor(random() * 600)::integer END,
    CASE WHEN random() < 0.3
         THEN (ARRAY['after work', 'took 50% less', 'a_b', 'C:\temp', 'Café at noon', 'woke up with it'])
              [1 + floor(random() * 6)::integer] END
FROM generate_series(1, 6000) AS n
CROSS JOIN LATERAL (SELECT 1 + floor(random() * 5 + n * 0)::integer AS kind_no) AS draw
JOIN (VALUES
    (1, ARRAY['Headache', 'headache'], 'Neurological'),
    (2, ARRAY['Migraine'], 'Neurological'),
    (3, ARRAY['Cough', 'cough', 'COUGH'], 'Respiratory'),
    (4, ARRAY['Back pain'], NULL),
    (5, ARRAY['Fatigue'], 'General')
) AS kind (no, names, category) ON kind.no = draw.kind_no;

-- Outside the model: severities beyond 10, a duration below zero, a time without end.
UPDATE symptoms SET severity = 11 WHERE id IN (6, 12, 13, 20);
UPDATE symptoms SET duration_minutes = -5 WHERE id = 24;
UPDATE symptoms SET recorded_at = 'infinity' WHERE id = 25;

CREATE INDEX symptoms_by_patient ON symptoms (patient_id, recorded_at);
ANALYZE;
