"""Teachers: what tells a student which embedding a segment of an image should have."""
