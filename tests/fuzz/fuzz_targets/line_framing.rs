//! Command lines are divided at CR LF and nowhere else.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| outgate_smtp::server::properties::line_framing(bytes));
