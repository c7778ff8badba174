-- A clinic's normalised tables: symptoms and their groups looked up, severity in words, date and time apart.
CREATE SCHEMA clinic;
CREATE TABLE clinic.body_system (id smallint PRIMARY KEY, title text NOT NULL);
INSERT INTO clinic.body_system VALUES (1, 'Head'), (2, 'Chest'), (3, 'Joints');
CREATE TABLE clinic.complaint_type (
    id integer PRIMARY KEY,
    label text NOT NULL,
    body_system_id smallint REFERENCES clinic.body_system
);
INSERT INTO clinic.complaint_type VALUES
    (10, 'Headache', 1), (11, 'Dizziness', 1), (12, 'Shortness of breath', 2), (13, 'Knee pain', 3),
    (14, 'Fatigue', NULL), (15, 'Übelkeit', NULL);
CREATE TABLE clinic.member (id uuid PRIMARY KEY, surname text NOT NULL);
INSERT INTO clinic.member VALUES
    ('00000000-0000-4000-8000-00000000000a', 'Ames'), ('00000000-0000-4000-8000-00000000000b', 'Boone'),
    ('00000000-0000-4000-8000-00000000000c', 'Cruz');

CREATE TABLE clinic.complaint (
    ref char(9) PRIMARY KEY,
    member_id uuid NOT NULL REFERENCES clinic.member,
    type_id integer REFERENCES clinic.complaint_type,
    complaint_date date NOT NULL,
    complaint_time time,
    grade varchar(20),
    hours numeric(6, 2),
    remark text
);

SELECT setseed(0.42);
INSERT INTO clinic.complaint
SELECT
    'C' || lpad(n::text, 8, '0'),
    ('00000000-0000-4000-8000-00000000000' || (ARRAY['a', 'a', 'b', 'c'])[1 + n % 4])::uuid,
    CASE WHEN random() < 0.99 THEN 10 + floor(random() * 6)::integer END,
    date '2023-03-01' + floor(random() * 1000)::integer,
    CASE WHEN random() < 0.98 THEN time '00:00' + floor(random() * 24 * 12) * interval '5 minutes' END,
    CASE WHEN random() < 0.9
         THEN (ARRAY['none', 'mild', 'Mild', 'moderate', 'severe', ' severe', 'very severe'])
              [1 + floor(random() * 7)::integer] END,
    CASE WHEN random() < 0.8 THEN round((random() * 30)::numeric, 2) END,
    CASE WHEN random() < 0.2 THEN 'noted by the nurse' END
FROM generate_series(1, 5000) AS n;
UPDATE clinic.complaint SET grade = 'see letter' WHERE ref IN ('C00000004', 'C00000005', 'C00000010');

CREATE INDEX complaint_by_member ON clinic.complaint (member_id, complaint_date);
ANALYZE;
