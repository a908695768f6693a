"""All kinds of things, one module a family; a module dropped in here is found by itself."""
