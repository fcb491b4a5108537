//! An address that parses is written so that it parses to itself, and hides nothing that could end it early.
#![no_main]

use outgate_core::EmailAddress;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Ok(address) = text.parse::<EmailAddress>() else { return };
    let written = address.to_string();
    assert_eq!(written.parse::<EmailAddress>().as_ref(), Ok(&address));
    assert!(written.len() <= 254 && !written.chars().any(char::is_control));
    if !written.starts_with('"') {
        assert!(!written.contains([' ', '<', '>', '"', '\\']), "{written}");
    }
});
