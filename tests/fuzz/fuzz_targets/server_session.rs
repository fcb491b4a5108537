//! A whole server session holds for any bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| outgate_smtp::server::properties::server_session(bytes));
