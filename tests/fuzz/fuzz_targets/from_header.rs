//! The rule of `From:`: whatever the bytes, no address of another domain passes, and reading never panics.
#![no_main]

use outgate_core::DomainName;

libfuzzer_sys::fuzz_target!(|value: &[u8]| {
    let allowed: DomainName = "example.com".parse().expect("a domain");
    let message = [b"From: ".as_slice(), value, b"\r\n\r\nbody\r\n"].concat();
    if outgate_mail::check_from(&message, &allowed).is_ok()
        && let Ok(addresses) = outgate_mail::addresses(value)
    {
        assert!(addresses.iter().all(|address| *address.domain() == allowed));
    }
});
