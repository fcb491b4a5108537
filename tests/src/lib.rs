//! Whole-relay tests: support, relay, sim, tidy.
