"""Health symptom records: the API, the chat and its page."""
