"""The room that decides and speaks: values, rules, commands, catalogues; it talks to no network."""
