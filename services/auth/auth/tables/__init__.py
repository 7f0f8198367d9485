"""SQL to frozen dataclasses, one file a table of the schema `auth`."""
