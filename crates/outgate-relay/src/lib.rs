//! Configuration, wiring, start, drain and stop: the embedder's door.
