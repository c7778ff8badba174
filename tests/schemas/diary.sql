-- One person's diary, imported from a spreadsheet: quoted names, local times as text, and what people type.
CREATE SCHEMA "Tagebuch";
CREATE TABLE "Tagebuch"."Symptom Log" (
    "No." integer NOT NULL,
    "user" text NOT NULL,
    "Symptom Name" text,
    "Date" text,
    "Time" text,
    "Severity (0-100)" text,
    "How long" text,
    "Comment" text
);

SELECT setseed(0.63);
INSERT INTO "Tagebuch"."Symptom Log"
SELECT
    n,
    'anna',
    (ARRAY['Headache', 'headache ', 'Sore Throat', 'Runny Nose', 'Back Pain', 'Tired'])
        [1 + floor(random() * 6)::integer],
    to_char(date '2022-10-01' + floor(random() * 1100)::integer, 'DD.MM.YYYY'),
    CASE WHEN random() < 0.97 THEN to_char(time '00:00' + floor(random() * 24 * 4) * interval '15 minutes', 'HH24:MI') END,
    CASE WHEN random() < 0.85 THEN floor(random() * 101)::integer::text WHEN random() < 0.5 THEN 'n/a' END,
    CASE WHEN random() < 0.6 THEN floor(random() * 240)::integer::text END,
    CASE WHEN random() < 0.2 THEN 'with "quotes" and ''more''' END
FROM generate_series(1, 4000) AS n;

INSERT INTO "Tagebuch"."Symptom Log" ("No.", "user", "Symptom Name", "Date", "Time", "Severity (0-100)") VALUES
    (5001, 'anna', 'Headache', '27.10.2024', '02:30', '50'),     -- the clocks went through it twice
    (5002, 'anna', 'Headache', '29.10.2023', '02:00', '55'),
    (5003, 'anna', 'Headache', '31.03.2024', '02:30', '60'),     -- the clocks skipped it
    (5004, 'anna', 'Headache', '29.02.2024', '23:59', '65'),
    (5005, 'anna', 'Headache', '29.02.2023', '10:00', '10'),     -- no such day
    (5006, 'anna', 'Headache', '31.02.2024', '10:00', '10'),
    (5007, 'anna', 'Headache', 'yesterday', '10:00', '10'),
    (5008, 'anna', 'Headache', '', '10:00', '10'),
    (5009, 'anna', 'Headache', NULL, '10:00', '10'),
    (5010, 'anna', 'Headache', '01.05.2024', 'noonish', '10'),   -- no such time
    (5011, 'anna', 'Headache', '01.05.2024', '24:00', '10'),
    (5012, 'anna', 'Headache', '01.05.2024', '10:00', '8/10'),   -- no number
    (5013, 'anna', 'Headache', '01.05.2024', '10:00', '101'),    -- beyond the scale
    (5014, 'anna', NULL, '01.05.2024', '10:00', '10'),
    (5015, 'anna', '  ', '01.05.2024', '10:00', '10'),
    (5016, 'anna', 'Headache', ' 02.05.2024 ', '10:00', ' 72,5 '),
    (5017, 'anna', 'Headache', '01.01.0000', '10:00', '10'),
    (5018, 'anna', 'Headache', '01.13.2024', '10:00', '10'),
    (5019, 'anna', 'Headache', '١٥.٠٥.٢٠٢٤', '10:00', '10');     -- digits, and no ASCII ones
ANALYZE;
