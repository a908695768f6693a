"""Maps for other programs: a writer a format, each with the signature `write_...(voxel_map, path, ...)`."""
