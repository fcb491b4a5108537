//! A message ends at CR LF . CR LF and nowhere else.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| outgate_smtp::server::properties::data_decoding(bytes));
