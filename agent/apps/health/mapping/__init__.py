"""Where the model's fields are in a database that was there before us: the file, the catalogue, the SQL."""
