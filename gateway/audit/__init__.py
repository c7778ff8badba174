"""The audit trail for people: all of it for administrators, and for each person who looked at their records."""
