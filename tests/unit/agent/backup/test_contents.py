from __future__ import annotations

import io

from agent.backup.contents import differences, rows_in_dump


def test_rows_in_dump_counts_each_table_whatever_its_name() -> None:
    text = rb"""
SELECT pg_catalog.setval('public.notes_id_seq', 4, true);
COPY public.notes (id, text) FROM stdin;
1	COPY public.fake (id) FROM stdin;
2	\\.
\.
COPY public."we (ird ""x" (id) FROM stdin;
\.
COPY app."Visits" ("Id", at) FROM stdin;
1	2026-01-01
\.
"""
    assert rows_in_dump(io.BytesIO(text)) == {"public.notes": 2, 'public."we (ird ""x"': 0, 'app."Visits"': 1}


def test_differences_names_what_lacks_and_what_is_short() -> None:
    assert differences({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 1, "d": 9}) == [
        "b has 1 rows instead of 2",
        "c is missing",
    ]
